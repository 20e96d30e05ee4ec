// SPDX-License-Identifier: GPL-3.0-or-later
// A proven output in words.
import { readScore } from '../../../keepers/serving/index.ts'
import type { ServiceManifest } from '../../../keepers/versions/index.ts'

/** Where a margin's label ends and its margin begins: label + 2^16 · margin. */
const LABEL_BITS = 16n

/** @param scale units of the output that make one, as the hub has it for the model; 0n where it is no score */
export function outputText(
  { task, plan }: Pick<ServiceManifest, 'task' | 'plan'>,
  output: bigint,
  scale: bigint,
): string {
  const { output: shown } = plan
  const name = (label: bigint): string =>
    task.kind === 'classification' ? (task.classes[Number(label)] ?? String(label)) : String(label)
  if (shown.kind === 'label') return name(output)
  if (shown.kind === 'margin') return name(output & ((1n << LABEL_BITS) - 1n))
  if (shown.kind === 'value' && task.kind === 'regression' && scale > 0n)
    return `${readScore(output, scale)} ${task.unit}`.trim()
  if (shown.kind === 'score') {
    const label = task.kind === 'labels' ? task.labels[shown.index] : undefined
    return `${label ?? `score ${shown.index}`}: ${output === 1n ? 'yes' : 'no'}`
  }
  return String(output)
}
