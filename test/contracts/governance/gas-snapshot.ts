// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import type { ContractTransactionResponse } from 'ethers'
import { artifacts } from 'hardhat'

/** EIP-170. */
const CODE_LIMIT = 24_576
const TOLERANCE = 1.02

export type Figures = Record<string, number>

/** Gas that a transaction used. */
export async function gasOf(sent: Promise<ContractTransactionResponse>): Promise<number> {
  return Number((await (await sent).wait())!.gasUsed)
}

/** Bytes of each contract's code; fails beyond the limit of EIP-170. */
export async function codeSizes(names: readonly string[]): Promise<Figures> {
  const figures: Figures = {}
  for (const name of names) {
    const { deployedBytecode } = await artifacts.readArtifact(name)
    figures[name] = (deployedBytecode.length - 2) / 2
    expect(figures[name], name).to.be.lessThanOrEqual(CODE_LIMIT)
  }
  return figures
}

/** Compares with snapshots/<name>.json, or writes it when COHORT_UPDATE_SNAPSHOTS is set. */
export function compareSnapshot(name: string, figures: Record<string, Figures>): void {
  const file = new URL(`../../../snapshots/${name}.json`, import.meta.url)
  if (process.env.COHORT_UPDATE_SNAPSHOTS) {
    mkdirSync(new URL('.', file), { recursive: true })
    writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`)
  }
  expect(existsSync(file), `snapshots/${name}.json; COHORT_UPDATE_SNAPSHOTS=1 writes it`).to.equal(true)
  const accepted: Record<string, Figures> = JSON.parse(readFileSync(file, 'utf8'))
  expect(Object.keys(figures), 'groups').to.deep.equal(Object.keys(accepted))
  for (const [group, values] of Object.entries(figures)) {
    expect(Object.keys(values), group).to.deep.equal(Object.keys(accepted[group]!))
    for (const [what, value] of Object.entries(values)) {
      expect(value, `${group}: ${what}`).to.be.lessThanOrEqual(Math.floor(accepted[group]![what]! * TOLERANCE))
    }
  }
}
