// SPDX-License-Identifier: GPL-3.0-or-later
// A file of the weights before the first round in a manifest, in place of weights that are drawn from its seed.
import { z } from 'zod'

/** An ONNX file of the manifest's architecture, converted as `cohort service new` does (onnx-weights.ts). */
export const startSchema = z
  .strictObject({
    format: z.literal('onnx'),
    cid: z.string().regex(/^b[a-z2-7]{50,110}$/, 'takes a CID of version 1 in base32: b…'),
  })
  .optional()
