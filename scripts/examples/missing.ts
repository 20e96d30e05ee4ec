// SPDX-License-Identifier: GPL-3.0-or-later

/** Data or a program that this machine cannot get: whoever wants the example may skip what needs it, by name. */
export class NoExampleError extends Error {
  override readonly name = 'NoExampleError'
  readonly exitCode = 69
}
