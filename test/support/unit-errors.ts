/** Catches what a call throws. */
import { CanError } from "../../src/can-error.ts";

/** The error that `action` throws to the user. Anything but a CanError fails the test. */
export function canErrorOf(action: () => unknown): CanError {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    if (error instanceof CanError) return error;
    throw error;
  }
  throw new Error(`nothing was thrown; the result is ${JSON.stringify(result)}`);
}

/** The code of the error that `action` throws, or "none" when it returns. */
export function codeOf(action: () => unknown): string {
  try {
    action();
    return "none";
  } catch (error) {
    if (error instanceof CanError) return error.options.code;
    throw error;
  }
}
