// The data: the summary at once, rows and pictures when the browser has read them.

const summary = take("summary");
const several = summary.runs.length > 1;
let rows = null;
let pictures = {};

/** Rows as columns that are quick to walk: null becomes NaN in numbers and -1 in places of lists. */
function columns(data) {
  const numbers = list => Float64Array.from(list, value => value ?? NaN);
  const places = list => Int32Array.from(list, value => value ?? -1);
  return {
    ...data,
    count: data.id.length,
    search: data.id.map(id => id.toLowerCase()),
    class: places(data.class),
    group: places(data.group),
    runs: data.runs.map(run => ({
      ...run,
      iou: numbers(run.iou),
      probability: numbers(run.probability),
      rank: places(run.rank),
      guess: places(run.guess),
      cause: places(run.cause),
    })),
  };
}

const classTitle = index => index < 0 ? "–" : summary.classes[index]?.[1] ?? `class ${index}`;
const causeTitle = index => summary.causes[index]?.[0] ?? "–";
const groupTitle = index => summary.sizes[index] ?? "–";

/** Whether the class was guessed: a place in GUESSES. */
const GUESSES = ["right first", "among five", "wrong", "not asked"];
function guessed(run, place) {
  if (run.right[place] & 8) return 0;
  if (run.right[place] & 16) return 1;
  return run.guess[place] < 0 && run.rank[place] < 0 ? 3 : 2;
}

/** The sum over counted photos of weight (1 where there is none) where `is` is true. */
function total(is) {
  let sum = 0;
  for (let place = 0; place < rows.count; place++)
    if (rows.counted[place] && is(place)) sum += rows.weight?.[place] ?? 1;
  return sum;
}
