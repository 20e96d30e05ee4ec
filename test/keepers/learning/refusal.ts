// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { LearningError } from '../../../keepers/learning/index.ts'

/** Expects the promise or call to fail with this code and a message that matches. */
export async function refuses(body: () => unknown, code: string, message: RegExp): Promise<void> {
  let caught: unknown
  try {
    await body()
  } catch (error) {
    caught = error
  }
  expect(caught, 'should have thrown').to.be.instanceOf(LearningError)
  expect((caught as LearningError).message).to.match(message)
  expect((caught as LearningError).code).to.equal(code)
}
