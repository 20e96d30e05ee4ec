// SPDX-License-Identifier: GPL-3.0-or-later
import type { CircuitManifest } from '../../zkml/index.ts'
import { visibilityText } from './visibility.ts'

/** Lines that every command prints about the circuit it compiled, and why it is of its proof system. */
export function circuitLines(folder: string, manifest: CircuitManifest, why?: string): string[] {
  return [
    folder,
    `constraints       ${manifest.constraints.toLocaleString('en-US')}`,
    `proof system      ${manifest.system}${why === undefined ? '' : ` (${why})`}`,
    `circuit id        ${manifest.circuitId}`,
    `model commitment  ${manifest.modelCommitment}`,
    `input             ${visibilityText(manifest.input)}`,
    `output            ${visibilityText(manifest.output)}`,
  ]
}
