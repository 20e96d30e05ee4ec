// SPDX-License-Identifier: GPL-3.0-or-later
// Errors on their way from one thread to another: cloning keeps neither their class nor their fields.
import { LearningError, type LearningErrorObject } from './errors.ts'

type Field = string | number | bigint | boolean | null

/** An error in a message between threads. Errors from outside the learning room keep name, code, message and plain fields. */
export type ThreadError =
  | LearningErrorObject
  | {
      readonly name: string
      readonly code: string | undefined
      readonly message: string
      readonly stack: string | undefined
      /** Further fields, such as a system error's `errno` and `path`. */
      readonly fields: Readonly<Record<string, Field>>
    }

/** Classes of the language itself, which every thread has. */
const BUILT_IN: Readonly<Record<string, new (message: string) => Error>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
}

const KEPT: ReadonlySet<string> = new Set(['name', 'code', 'message', 'stack'])

export function packError(error: unknown): ThreadError {
  if (error instanceof LearningError) return error.toObject()
  if (!(error instanceof Error)) {
    return { name: 'Error', code: undefined, message: String(error), stack: undefined, fields: {} }
  }
  const { name, message, stack } = error
  // Node's own errors have a code as well, such as ENOENT.
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const fields = Object.entries(error).filter(
    (entry): entry is [string, Field] => !KEPT.has(entry[0]) && isField(entry[1]),
  )
  return { name, code, message, stack, fields: Object.fromEntries(fields) }
}

/** The error that `packError` was called on, of its class where that is the learning room's or the language's, with its stack. */
export function unpackError(packed: ThreadError): Error {
  if (isLearning(packed)) return LearningError.fromObject(packed)
  const { name, code, message, stack, fields } = packed
  const Class = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name]! : Error
  const error = Object.assign(new Class(message), fields, code === undefined ? {} : { code })
  if (error.name !== name) error.name = name
  if (stack !== undefined) error.stack = stack
  return error
}

function isField(value: unknown): value is Field {
  return value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
}

function isLearning(packed: ThreadError): packed is LearningErrorObject {
  return packed.name === 'LearningError'
}
