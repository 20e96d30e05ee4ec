// SPDX-License-Identifier: GPL-3.0-or-later

/** Data or a program that this machine cannot get. Callers may skip what needs it, and name it. */
export class NoExampleError extends Error {
  override readonly name = 'NoExampleError'
  readonly exitCode = 69
}
