// Goes on trying what fails for a while: the store is away, the connection is lost, too much is going on.

const FIRST_PAUSE_SECONDS = 2;
const LONGEST_PAUSE_SECONDS = 30;

export class Patience {
  #wakes = new Set();

  /**
   * Does some work until it succeeds; throws what will not pass by itself, and whatever `goOn` throws before a try.
   * `trouble` is told each error that is waited for.
   */
  async until(work, { goOn, trouble }) {
    for (let seconds = FIRST_PAUSE_SECONDS; ; seconds = Math.min(2 * seconds, LONGEST_PAUSE_SECONDS)) {
      try {
        return await work();
      } catch (error) {
        if (!error.isTemporary) throw error;
        goOn();
        trouble(error);
        await this.#pause(error.retryAfter ?? seconds);
        goOn();
      }
    }
  }

  /** Tries again now whatever is waiting. */
  wake() {
    for (const wake of this.#wakes) wake();
  }

  #pause(seconds) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wakes.delete(done);
        resolve();
      };
      const timer = setTimeout(done, seconds * 1000);
      this.#wakes.add(done);
    });
  }
}
