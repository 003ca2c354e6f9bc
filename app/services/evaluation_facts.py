"""The questions behind an evaluation: what is recorded of a campaign's members since they were enrolled.

Each takes `id`, `horizon` and `at`, and reads no more of a member than it says.
"""

from typing import Final

from sqlalchemy import text

SEGMENTS: Final = ("region", "brand", "value_tier")
# When a member `m` left, if they did since: by the profile of `s`, or by an outcome that says so.
LEFT_AT: Final = """
    least(
        (SELECT min(v.since) FROM profile_versions v WHERE v.subscriber_id = s.subscriber_id
         AND v.profile ->> 'status' = 'churned' AND v.since > m.enrolled_at),
        (SELECT min(o.occurred_at) FROM outcomes o WHERE o.pseudonym = m.pseudonym
         AND o.outcome = 'churned' AND o.occurred_at > m.enrolled_at)
    )
"""
# Every member with the day they left, if they did within the horizon.
MEMBERS: Final = f"""
    WITH members AS (
        SELECT m.pseudonym, m.arm, m.enrolled_at, s.subscriber_id, s.region, s.brand, s.value_tier,
               {LEFT_AT} AS left_at
        FROM campaign_members m LEFT JOIN subscribers s USING (pseudonym) WHERE m.campaign_id = CAST(:id AS uuid)
    ), known AS (
        SELECT *, CASE
            WHEN left_at <= least(enrolled_at + make_interval(days => :horizon), CAST(:at AS timestamptz))
            THEN floor(extract(epoch FROM left_at - enrolled_at) / 86400)::int
        END AS left_day FROM members WHERE subscriber_id IS NOT NULL
    )
"""  # noqa: S608  # only our own words
FATES: Final = text(f"{MEMBERS} SELECT arm, left_day, count(*) FROM known GROUP BY arm, left_day")  # noqa: S608  # only our own words
ERASED: Final = text(f"{MEMBERS} SELECT count(*) FROM members WHERE subscriber_id IS NULL")  # noqa: S608  # as above
BY_SEGMENT: Final = text(f"""{MEMBERS}
    SELECT attribute, value, arm = 'holdout', count(*), count(left_day) FROM known,
    LATERAL (VALUES {", ".join(f"('{name}', {name})" for name in SEGMENTS)}) AS s (attribute, value)
    WHERE value IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2
""")  # noqa: S608  # as above
ANSWERS: Final = text(f"""{MEMBERS}
    SELECT a.action, a.answers, count(*) FROM (
        SELECT o.pseudonym, o.action, array_agg(DISTINCT o.outcome ORDER BY o.outcome) AS answers
        FROM known k JOIN outcomes o USING (pseudonym)
        WHERE o.action = k.arm AND o.stage = 'response' AND o.occurred_at > k.enrolled_at
        AND o.occurred_at <= CAST(:at AS timestamptz) GROUP BY 1, 2
    ) a GROUP BY 1, 2
""")  # noqa: S608  # as above
OFFERED: Final = text(f"""{MEMBERS}
    SELECT count(DISTINCT k.pseudonym) FROM known k JOIN decisions d USING (pseudonym)
    WHERE d.decided_at > k.enrolled_at AND d.decided_at <= CAST(:at AS timestamptz)
    AND d.answer -> 'actions' @> jsonb_build_array(jsonb_build_object('code', k.arm))
""")  # noqa: S608  # as above
SATISFACTION: Final = text(f"""{MEMBERS}
    SELECT arm = 'holdout', count(*), avg(r.score / r.scale_max)
    FROM known k JOIN survey_responses r USING (subscriber_id)
    WHERE r.answered_at >= :since AND r.answered_at < :until AND r.score IS NOT NULL GROUP BY 1
""")  # noqa: S608  # as above
SATISFIED: Final = text(f"""{MEMBERS}
    SELECT avg(CASE WHEN r.dissatisfied THEN 0.0 ELSE 1.0 END)
    FROM known k JOIN survey_responses r USING (subscriber_id)
    WHERE k.arm <> 'holdout' AND r.answered_at > k.enrolled_at AND r.answered_at <= CAST(:at AS timestamptz)
""")  # noqa: S608  # as above
INQUIRIES: Final = text(f"""{MEMBERS}
    SELECT (i.occurred_at AT TIME ZONE :zone)::date, count(*) FROM known k JOIN interactions i USING (subscriber_id)
    WHERE i.direction = 'inbound' AND i.occurred_at >= :since AND i.occurred_at < :until GROUP BY 1
""")  # noqa: S608  # as above
DIRECTIONS: Final = text(f"""{MEMBERS}
    SELECT i.direction, count(*) FROM known k JOIN interactions i USING (subscriber_id)
    WHERE i.occurred_at > k.enrolled_at AND i.occurred_at <= CAST(:at AS timestamptz) GROUP BY 1
""")  # noqa: S608  # as above
RECOVERY: Final = text(f"""{MEMBERS}
    SELECT kind, count(*), count(left_day) FROM (
        SELECT left_day, CASE
            WHEN NOT EXISTS (SELECT FROM complaints c WHERE c.subscriber_id = k.subscriber_id
                             AND c.occurred_at <= k.enrolled_at) THEN 'never_failed'
            WHEN EXISTS (SELECT FROM complaints c WHERE c.subscriber_id = k.subscriber_id
                         AND c.status = 'closed' AND c.updated_at <= k.enrolled_at)
                 AND NOT EXISTS (SELECT FROM complaints c WHERE c.subscriber_id = k.subscriber_id
                                 AND c.status <> 'closed' AND c.occurred_at <= k.enrolled_at) THEN 'recovered'
        END AS kind FROM known k
    ) kinds WHERE kind IS NOT NULL GROUP BY 1
""")  # noqa: S608  # as above
SAVES: Final = text(f"""{MEMBERS}
    SELECT coalesce(
        (SELECT c.type FROM complaints c WHERE c.subscriber_id = k.subscriber_id AND c.occurred_at <= o.occurred_at
         ORDER BY c.occurred_at DESC LIMIT 1),
        (SELECT i.need FROM interactions i WHERE i.subscriber_id = k.subscriber_id AND i.occurred_at <= o.occurred_at
         ORDER BY i.occurred_at DESC LIMIT 1), 'unknown'
    ) AS reason, count(*) FILTER (WHERE o.outcome = 'retained'), count(*) FILTER (WHERE o.outcome = 'churned')
    FROM known k JOIN outcomes o USING (pseudonym)
    WHERE o.stage = 'result' AND o.occurred_at > k.enrolled_at AND o.occurred_at <= CAST(:at AS timestamptz)
    GROUP BY 1 ORDER BY 1
""")  # noqa: S608  # as above
