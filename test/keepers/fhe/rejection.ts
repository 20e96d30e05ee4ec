// SPDX-License-Identifier: GPL-3.0-or-later
// Asserting that something is refused, by name.
import { expect } from 'chai'
import { FheError, type FheErrorCode } from '../../../keepers/fhe/index.ts'

/** Runs `body`, which must throw `FheError(code)`; returns the error for a closer look. */
export async function refuses(code: FheErrorCode, body: () => unknown): Promise<FheError> {
  let thrown: unknown
  try {
    await body()
  } catch (error) {
    thrown = error
  }
  expect(thrown, `expected a refusal with ${code}`).to.be.instanceOf(FheError)
  const error = thrown as FheError
  expect(error.code, error.message).to.equal(code)
  return error
}
