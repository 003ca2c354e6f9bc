// Lists as a whole, page by page.

const PAGE = 200;
const MOST_TOUCHPOINTS = 1_000;

/** Up to `most` items, until one of them is `enough`; `isCut` where there are more. */
export async function everything(api, path, most, enough = () => false) {
  const items = [];
  let cursor = null;
  do {
    const query = new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) });
    const page = await api.get(`${path}${path.includes("?") ? "&" : "?"}${query}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most && !items.some(enough));
  return { items, isCut: Boolean(cursor) && !items.some(enough) };
}

/** What touchpoints are called; their codes have to do where the catalogue may not be read. */
export async function touchpointNames(api) {
  const found = await everything(api, "v1/touchpoints", MOST_TOUCHPOINTS).catch(() => ({ items: [] }));
  return new Map(found.items.map((item) => [item.code, item.name]));
}
