// SPDX-License-Identifier: GPL-3.0-or-later

/** Why the learning room refused or gave up. */
export type LearningErrorCode =
  | 'BAD_MODEL'
  | 'MODEL_DATA_MISMATCH'
  | 'BAD_VECTOR'
  | 'BAD_DATA'
  | 'DATA_NOT_FOUND'
  | 'DOWNLOAD_FAILED'
  | 'EMPTY_SHARD'
  | 'BAD_PARAMETERS'
  | 'NORM_EXCEEDED'
  | 'DIVERGED'
  | 'BAD_CHECKPOINT'
  | 'NO_BACKEND'
  | 'TORN_DOWN'
  /** A thread that computes gradients ended in the middle of a training. */
  | 'WORKER_DIED'
  /** A strategy's module differs from the agreed one, or violates its contract. */
  | 'BAD_STRATEGY'
  /** Not a safetensors file, or an incomplete one. */
  | 'BAD_TENSORS'
  /** A trainer that is a program, and cannot be run here as it is set. */
  | 'NO_TRAINER'
  /** A training program failed. */
  | 'TRAINER_FAILED'
  | 'BAD_SIMULATION'

/** A LearningError between threads: cloning keeps neither class nor code. */
export type LearningErrorObject = {
  readonly name: 'LearningError'
  readonly code: LearningErrorCode
  readonly message: string
  readonly stack: string | undefined
}

/** An error that names the fault, its place and the remedy. */
export class LearningError extends Error {
  readonly code: LearningErrorCode
  constructor(code: LearningErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LearningError'
    this.code = code
  }

  toObject(): LearningErrorObject {
    const { code, message, stack } = this
    return { name: 'LearningError', code, message, stack }
  }

  /** The error that `toObject` was called on, with the stack of the thread that threw it. */
  static fromObject({ code, message, stack }: LearningErrorObject): LearningError {
    const error = new LearningError(code, message)
    if (stack !== undefined) error.stack = stack
    return error
  }
}
