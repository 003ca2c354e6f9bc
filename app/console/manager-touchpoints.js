// Touchpoints: how satisfied, against which target, and between what would do and what was wished for.

import { h } from "./dom.js";
import { emptyBox, part } from "./manager-desk.js";
import { Scale, axis, bar, dot, inRow, key, stroke, tiles } from "./manager-figures.js";
import { UNKNOWN, count, decimal, percent, points } from "./manager-numbers.js";
import { touchpointNames } from "./manager-pages.js";
import { table } from "./manager-table.js";

const FAMILIES = ["internal", "external"];
const LEAST_ANSWERS = 30; // with fewer, a mean on such scales says little: it is shown, and said to be weak
const ROLES = ["front_desk_supervisor", "service_advisor", "technical_director", "customer_service"];

export function touchpoints(desk) {
  const { words } = desk;
  const names = touchpointNames(desk.api);
  const place = h("div", { class: "parts" });
  const choices = FAMILIES.map((family) => {
    const input = h("input", {
      type: "radio",
      name: "family",
      value: family,
      checked: family === FAMILIES[0],
      onchange: () => show(family),
    });
    return h("label", {}, input, ` ${words.say(`manager.family.${family}`)}`);
  });
  show(FAMILIES[0]);
  return [h("fieldset", { class: "choice" }, h("legend", {}, words.say("manager.family")), choices), place];

  function show(family) {
    place.replaceChildren(
      part(desk, "gaps", {
        load: () => gapsOf(desk.api, family, names),
        draw: (found) => gaps(found, words),
        lines: 12,
      }),
      h(
        "div",
        { class: "side-by-side" },
        part(desk, "roles", { load: () => rolesOf(desk.api, family), draw: (found) => roles(found, words), lines: 6 }),
        part(desk, "places", {
          load: () => placesOf(desk.api, family, names),
          draw: (found) => places(found, words),
          lines: 8,
        }),
      ),
    );
  }
}

async function gapsOf(api, family, names) {
  const [found, known] = await Promise.all([api.get(`v1/expectation-gaps?family=${family}`), names]);
  return found.items.map((item) => ({ ...item, title: known.get(item.touchpoint) ?? item.touchpoint }));
}

async function rolesOf(api, family) {
  const [report, targets] = await Promise.all([
    api.get(`v1/reports/satisfaction?family=${family}`),
    api.get("v1/satisfaction-targets"),
  ]);
  const held = targets.items.filter((target) => target.family === family);
  return { ...report, targets: new Map(held.map((target) => [target.role, target.target])) };
}

async function placesOf(api, family, names) {
  const [report, known] = await Promise.all([api.get(`v1/reports/satisfaction?family=${family}`), names]);
  return report.touchpoints.map((item) => ({ ...item, title: known.get(item.name) ?? item.name }));
}

function few(answers, words) {
  return (
    answers > 0 &&
    answers < LEAST_ANSWERS &&
    h(
      "span",
      { class: "tag few", title: words.say("manager.few.note", { least: LEAST_ANSWERS }) },
      words.say("manager.few"),
    )
  );
}

function gaps(items, words) {
  if (!items.length) return emptyBox(words, "no-answers");
  const scale = new Scale(0, 100);
  const order = { name: null, direction: 1 };
  const value = (name) => (item) => (item[name] === null ? UNKNOWN : decimal(words, item[name], 0));
  const columns = [
    { name: "title", label: words.say("manager.touchpoint"), cell: (item) => item.title, value: (item) => item.title },
    {
      name: "dimension",
      label: words.say("manager.dimension"),
      cell: (item) => dimension(item.dimension, words),
      value: (item) => dimension(item.dimension, words),
    },
    {
      name: "figure",
      label: words.say("manager.expectations"),
      kind: "wide",
      head: axis(scale, (at) => count(words, at), [0, 25, 50, 75, 100]),
      cell: (item) => zone(item, scale, words),
    },
    ...["adequate", "perceived", "ideal"].map((name) => ({
      name,
      label: words.say(`manager.${name}`),
      kind: "number",
      cell: value(name),
      value: (item) => item[name],
    })),
    {
      name: "gap",
      label: words.say("manager.adequacy-gap"),
      kind: "number",
      cell: (item) => (item.adequacy_gap === null ? UNKNOWN : points(words, item.adequacy_gap / 100)),
      value: (item) => item.adequacy_gap,
    },
    { name: "zone", label: words.say("manager.zone"), cell: (item) => zoneWord(item, words) },
    {
      name: "answers",
      label: words.say("manager.answers"),
      kind: "number",
      cell: (item) => answers(item, words),
      value: (item) => -item.answers,
    },
  ];
  const legend = key([
    ["tolerance", words.say("manager.tolerance")],
    ["found", words.say("manager.perceived")],
    ["found below", words.say("manager.perceived.below")],
  ]);
  return [
    h("p", { class: "made" }, words.say("manager.gaps.told")),
    legend,
    table(words, { caption: words.say("manager.gaps"), columns, items, order }),
  ];
}

function dimension(name, words) {
  return name ? words.code("manager.dimension", name) : words.say("manager.dimension.none");
}

function zone(item, scale, words) {
  if (item.perceived === null) return UNKNOWN;
  const told = Object.fromEntries(
    ["adequate", "ideal", "perceived"].map((name) => [name, decimal(words, item[name], 0)]),
  );
  const name = item.zone === "below" ? "found below" : "found";
  return inRow(
    words.say("manager.zone.spoken", told),
    bar(scale, item.adequate, item.ideal, "tolerance"),
    dot(scale, item.perceived, name),
  );
}

function zoneWord(item, words) {
  return item.zone ? h("span", { class: `tag ${item.zone}` }, words.code("manager.zone", item.zone)) : UNKNOWN;
}

function answers(item, words) {
  const odd =
    item.inconsistent > 0 &&
    h("span", { class: "note" }, ` ${words.say("manager.inconsistent", { count: count(words, item.inconsistent) })}`);
  return [count(words, item.answers), " ", few(item.answers, words), odd];
}

function roles(report, words) {
  const scale = new Scale(0, 1);
  const known = new Map(report.roles.map((item) => [item.role, item]));
  const items = ROLES.filter((role) => known.has(role) || report.targets.has(role)).map(
    (role) => known.get(role) ?? { role, mean: null, responses: 0, target: report.targets.get(role), met: null },
  );
  if (!items.length) return emptyBox(words, "no-answers");
  const columns = [
    { name: "role", label: words.say("manager.role"), cell: (item) => words.code("manager.role", item.role) },
    {
      name: "figure",
      label: words.say("manager.satisfaction"),
      kind: "wide",
      head: axis(scale, (at) => words.percent(at), [0, 0.5, 1]),
      cell: (item) => against(item, scale, words),
    },
    {
      name: "mean",
      label: words.say("manager.mean"),
      kind: "number",
      cell: (item) => (item.mean === null ? UNKNOWN : percent(words, item.mean)),
    },
    {
      name: "target",
      label: words.say("manager.target"),
      kind: "number",
      cell: (item) => (item.target === null ? UNKNOWN : percent(words, item.target)),
    },
    { name: "met", label: words.say("manager.met"), cell: (item) => met(item, words) },
    {
      name: "answers",
      label: words.say("manager.answers"),
      kind: "number",
      cell: (item) => [count(words, item.responses), " ", few(item.responses, words)],
    },
  ];
  const legend = key([
    ["level", words.say("manager.mean")],
    ["target", words.say("manager.target")],
  ]);
  const summary = tiles([
    [words.say("manager.mean.all"), report.mean === null ? UNKNOWN : percent(words, report.mean)],
    [words.say("manager.answers"), count(words, report.responses)],
  ]);
  return [summary, legend, table(words, { caption: words.say("manager.roles"), columns, items })];
}

function against(item, scale, words) {
  const told = words.say("manager.against.spoken", {
    mean: item.mean === null ? UNKNOWN : percent(words, item.mean),
    target: item.target === null ? UNKNOWN : percent(words, item.target),
  });
  const level = item.mean !== null && bar(scale, 0, item.mean, "level");
  const mark = item.target !== null && stroke(scale, item.target, "target");
  return inRow(told, level, mark);
}

function met(item, words) {
  if (item.target === null) return words.say("manager.met.no-target");
  if (item.met === null) return words.say("manager.met.no-answers");
  const name = item.met ? "yes" : "no";
  return h("span", { class: `tag met-${name}` }, words.say(`manager.met.${name}`));
}

function places(items, words) {
  if (!items.length) return emptyBox(words, "no-answers");
  const scale = new Scale(0, 1);
  const order = { name: null, direction: 1 };
  const columns = [
    { name: "title", label: words.say("manager.touchpoint"), cell: (item) => item.title, value: (item) => item.title },
    {
      name: "figure",
      label: words.say("manager.satisfaction"),
      kind: "wide",
      head: axis(scale, (at) => words.percent(at), [0, 0.5, 1]),
      cell: (item) =>
        inRow(
          percent(words, item.mean),
          bar(scale, 0, item.mean, item.responses < LEAST_ANSWERS ? "level weak" : "level"),
        ),
    },
    {
      name: "mean",
      label: words.say("manager.mean"),
      kind: "number",
      cell: (item) => percent(words, item.mean),
      value: (item) => item.mean,
    },
    {
      name: "answers",
      label: words.say("manager.answers"),
      kind: "number",
      cell: (item) => [count(words, item.responses), " ", few(item.responses, words)],
      value: (item) => -item.responses,
    },
  ];
  return table(words, { caption: words.say("manager.places"), columns, items, order });
}
