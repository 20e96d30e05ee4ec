// SPDX-License-Identifier: GPL-3.0-or-later
// Public samples that this copy of the console has for a service: whoever published the copy chose them.
import { z } from 'zod'

/** Bytes of the file at most, and samples in it. */
const MOST_BYTES = 16 << 20
const MOST_SAMPLES = 2_000

const samplesSchema = z
  .strictObject({
    /** Real values, row-major, as the model takes them. */
    inputs: z.array(z.array(z.number()).min(1)).min(1).max(MOST_SAMPLES),
    /** Index of the class of each. */
    labels: z.array(z.int().min(0)),
  })
  .refine(({ inputs, labels }) => inputs.length === labels.length, 'takes a label for each input')
  .refine(({ inputs }) => inputs.every(({ length }) => length === inputs[0]!.length), 'takes inputs of one size')

export type Samples = z.infer<typeof samplesSchema>

/** @throws Error naming what is wrong with the file */
export function parseSamples(text: string): Samples {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new Error('the samples are not JSON', { cause })
  }
  const parsed = samplesSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw new Error(`the samples: ${issue.path.join('.') || 'document'}: ${issue.message}`)
}

/** @throws Error when they cannot be read, or are wrong */
export async function loadSamples(url: string): Promise<Samples> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`the samples cannot be read: HTTP ${response.status}`)
  const text = await response.text()
  if (text.length > MOST_BYTES) throw new Error(`the samples have ${text.length} bytes, at most ${MOST_BYTES} are read`)
  return parseSamples(text)
}
