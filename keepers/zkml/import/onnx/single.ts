// SPDX-License-Identifier: GPL-3.0-or-later
import type { Invocation } from './invocation.ts'

/** A constant input of one number. */
export function single(call: Invocation, index: number, what: string): number {
  const { data } = call.constant(index, what)
  if (data.length !== 1) call.fail('malformed-file', `its ${what} must be one number, found ${data.length}`)
  return data[0]!
}
