// SPDX-License-Identifier: GPL-3.0-or-later
// The integer program as a JSON file: numbers as decimal lists, checked on the way in.

import { parseJson } from '../json.ts'
import { CompileError } from './errors.ts'
import type { IntegerProgram } from './program.ts'
import { programForm } from './program-form.ts'
import { requireLinked } from './program-links.ts'

/** One line of JSON, the same bytes for the same program. */
export function programToJson(value: IntegerProgram): string {
  return `${JSON.stringify(value, (_, part: unknown) =>
    part instanceof Float64Array || part instanceof Int32Array ? Array.from(part) : part,
  )}\n`
}

/**
 * Reads a program file. @throws CompileError malformed-file naming the field. Only the form is checked here: whether the
 * bounds hold is a separate question, answered by `verifyBounds`.
 */
export function programFromJson(text: string): IntegerProgram {
  let json: unknown
  try {
    json = parseJson(text)
  } catch (error) {
    throw new CompileError('malformed-file', `the program is not JSON: ${(error as Error).message}`)
  }
  const parsed = programForm.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new CompileError('malformed-file', `program field ${issue!.path.join('.') || '(root)'}: ${issue!.message}`)
  }
  requireLinked(parsed.data)
  return parsed.data
}
