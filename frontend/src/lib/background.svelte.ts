import { call, json, Refused } from "./api";
import type { Task } from "./types";
import { waiting } from "./waiting.svelte";

const LOOK_MS = 400;
const open = (task: Task | null) => task?.state === "waiting" || task?.state === "running";

/** What has been asked for and has no number yet. */
const NONE = { number: "", state: "waiting", share: 0, ahead: 0, text: "", result: null, problem: null } as Task;

/** A task of the server: asked for, watched until it has ended, called off. */
export class Background {
  task = $state.raw<Task | null>(null);
  problem = $state.raw<Refused | null>(null);
  asking = $state(false);
  private turn = 0;
  /** path : where it is asked for; at : where it is looked at and called off. */
  constructor(
    private path: string,
    private at = path,
  ) {}

  get running() {
    return this.asking || open(this.task);
  }

  async start(question: unknown) {
    const mine = ++this.turn;
    [this.problem, this.task, this.asking] = [null, null, true];
    const ended = waiting.begin(); // as long as the task runs, the view is not whole
    try {
      let task = await json<Task>(this.path, question);
      if (mine !== this.turn) await this.drop(task.number); // called off before it had a number
      while (mine === this.turn) {
        this.task = task;
        this.asking = false;
        if (!open(task)) break;
        await new Promise((done) => setTimeout(done, LOOK_MS));
        if (mine === this.turn) task = await json<Task>(`${this.at}/${task.number}`);
      }
      if (mine === this.turn && task.problem) this.problem = new Refused(task.problem as never, 422);
    } catch (problem) {
      if (mine !== this.turn) return;
      this.problem = problem as Refused;
      this.task = null;
    } finally {
      ended();
      if (mine === this.turn) this.asking = false;
    }
  }

  /** Call it off. What is under way ends at its next step. */
  async stop() {
    if (!this.running) return;
    const number = this.task?.number;
    this.turn++;
    this.asking = false;
    this.task = { ...(this.task ?? NONE), state: "cancelled" };
    if (number) await this.drop(number);
  }

  private drop(number: string) {
    return call("DELETE", `${this.at}/${number}`).catch(() => undefined);
  }

  forget() {
    void this.stop();
    [this.task, this.problem] = [null, null];
  }
}
