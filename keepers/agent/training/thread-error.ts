// SPDX-License-Identifier: GPL-3.0-or-later
// Errors on their way from the training thread to the daemon: cloning keeps neither their class nor their fields.
import { LearningError, type LearningErrorObject } from '../../learning/index.ts'

/** An error in a message between threads. Errors from outside the learning room keep name, code and message. */
export type ThreadError =
  | LearningErrorObject
  | {
      readonly name: string
      readonly code: string | undefined
      readonly message: string
      readonly stack: string | undefined
    }

export function packError(error: unknown): ThreadError {
  if (error instanceof LearningError) return error.toObject()
  if (!(error instanceof Error)) return { name: 'Error', code: undefined, message: String(error), stack: undefined }
  const { name, message, stack } = error
  // Node's own errors have a code as well, such as ENOENT.
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { name, code, message, stack }
}

export function unpackError(packed: ThreadError): Error {
  if (isLearning(packed)) return LearningError.fromObject(packed)
  const { name, code, message, stack } = packed
  const error = Object.assign(new Error(message), { name, ...(code === undefined ? {} : { code }) })
  if (stack !== undefined) error.stack = stack
  return error
}

function isLearning(packed: ThreadError): packed is LearningErrorObject {
  return packed.name === 'LearningError'
}
