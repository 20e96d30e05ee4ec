// SPDX-License-Identifier: GPL-3.0-or-later
import type { CircuitManifest } from '../../zkml/index.ts'
import { visibilityText } from './visibility.ts'

/** What every command that compiles a circuit says of it. */
export function circuitLines(folder: string, manifest: CircuitManifest): string[] {
  return [
    folder,
    `constraints       ${manifest.constraints.toLocaleString('en-US')}`,
    `proof system      ${manifest.system}`,
    `circuit id        ${manifest.circuitId}`,
    `model commitment  ${manifest.modelCommitment}`,
    `input             ${visibilityText(manifest.input)}`,
    `output            ${visibilityText(manifest.output)}`,
  ]
}
