// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of zkML: import → quantise → circuit → set-up → prove → verify.
export * from './graph/program.ts'
export type * from './graph/types.ts'
