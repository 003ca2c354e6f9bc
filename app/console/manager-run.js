// Has the base scored, and tells how far that is.

import { h } from "./dom.js";
import { emptyBox, replaced } from "./manager-desk.js";
import { count } from "./manager-numbers.js";

const LOOK_EVERY_MS = 1_000;

/** A button that starts a run, and then its progress; `done` is called at its end. */
export function scoring(desk, label, done) {
  const button = () => h("button", { type: "button", onclick: begin }, label);
  const place = h("div", { class: "run" }, button());
  return place;

  function begin() {
    const wanted = desk.api.intend("v1/scoring-runs", {});
    desk.fill(place, { load: (goOn) => followed(desk, place, wanted, goOn), draw: ended, lines: 1 });
  }

  function ended(job) {
    if (job.state === "done") done();
    return job.state === "failed" && emptyBox(desk.words, "run.failed", h("p", {}, job.failure), button());
  }
}

async function followed({ api, words }, place, wanted, goOn) {
  let job = await wanted.send();
  const shown = progress(words);
  replaced(place, [shown.node]);
  while (job.state === "queued" || job.state === "running") {
    shown.tell(job);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    goOn();
    job = await api.get(`v1/jobs/${job.id}`);
  }
  return job;
}

function progress(words) {
  const bar = h("progress", { "aria-label": words.say("manager.run.progress") });
  const told = h("p", { role: "status" });
  return { node: h("div", { class: "progress" }, bar, told), tell };

  function tell({ state, progress: { done, total, refused } }) {
    if (state === "running" && total) {
      bar.max = total;
      bar.value = Math.min(done, total);
    }
    const places = { done: count(words, done), total: count(words, total), refused: count(words, refused) };
    told.textContent = words.say(`manager.run.${state}`, places);
  }
}
