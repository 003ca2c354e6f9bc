from app.schemas.base import Wire


class TouchpointRead(Wire):
    code: str
    name: str
    category: str
    stage: str
    kind: str
    channels: list[str]
    promise_hours: int
