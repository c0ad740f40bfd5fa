/** Whether the program behind the page answers, and whether a question waits its turn: told on every view (App). */
class Alive {
  lost = $state(false);
  waiting = $state(0); // questions that were told to ask again
}
export const alive = new Alive();

/** The number of this page, so that the queue can be fair between pages. It is new with every load and says nothing of anybody. */
export const PAGE = Array.from(crypto.getRandomValues(new Uint8Array(9)), (b) => b.toString(36)).join("");
