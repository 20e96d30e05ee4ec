// SPDX-License-Identifier: GPL-3.0-or-later
// Curve memories from one compiled module: to compile it takes longer than a small step.
import { type CurveImage, CurveMemory, loadCurveImage } from '../../setup/curve-memory.ts'

let shared: Promise<CurveImage> | undefined

/** A memory of its own, which the caller may fill and forget. */
export async function newMemory(): Promise<CurveMemory> {
  shared ??= loadCurveImage()
  return CurveMemory.create(await shared)
}
