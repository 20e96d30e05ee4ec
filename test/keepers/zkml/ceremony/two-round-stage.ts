// SPDX-License-Identifier: GPL-3.0-or-later
// A ceremony in two rounds over a hand-built circuit and small powers of tau of our own, and copies of it to spoil.
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildBn128 } from 'ffjavascript'
import { powersOfTau } from 'snarkjs'
import { applyBeacon, contribute, startCeremony } from '../../../../keepers/zkml/ceremony/ceremony.ts'
import { readTranscript, transcriptPath } from '../../../../keepers/zkml/ceremony/transcript.ts'
import type { TwoRoundTranscript } from '../../../../keepers/zkml/ceremony/two-round/transcript.ts'
import { ceremonyFaults } from '../../../../keepers/zkml/ceremony/two-round/verify.ts'
import { build, type NamedCircuit, rangeCircuit } from '../two-round/range-circuit.ts'

export const BEACON = { value: '0102030405060708090a0b0c0d0e0f10', iterationsExponent: 10, source: 'a test' }

/** Rows of the circuit: exactly as many as 2^5 powers serve, so that H is made of the last of them. */
export const POWER = 5

export class CeremonyStage {
  readonly home: string
  readonly circuit: NamedCircuit
  readonly r1cs: string
  #copies = 0

  private constructor(home: string, circuit: NamedCircuit) {
    this.home = home
    this.circuit = circuit
    this.r1cs = join(home, 'range.r1cs')
  }

  static async open(circuit = rangeCircuit(1)): Promise<CeremonyStage> {
    const stage = new CeremonyStage(await mkdtemp(join(tmpdir(), 'cohort-two-rounds-')), circuit)
    await writeFile(stage.r1cs, build(stage.circuit).r1cs)
    await stage.makePowers(POWER)
    return stage
  }

  at(name: string): string {
    return join(this.home, name)
  }

  get rounds() {
    const { challenges, firstRound } = build(this.circuit).shape
    return { challenges, firstRound }
  }

  ptau(power = POWER): string {
    return this.at(`${power}.ptau`)
  }

  async makePowers(power: number): Promise<void> {
    const curve = await buildBn128()
    await powersOfTau.newAccumulator(curve, power, this.at('a.ptau'))
    await powersOfTau.contribute(this.at('a.ptau'), this.at('b.ptau'), 'test', 'entropy of a test')
    await powersOfTau.preparePhase2(this.at('b.ptau'), this.ptau(power))
    await curve.terminate()
  }

  files(folder: string, power = POWER) {
    return { folder, r1cs: this.r1cs, ptau: this.ptau(power), allowUnpublishedPtau: true }
  }

  async begin(name: string, power = POWER): Promise<string> {
    const folder = this.at(name)
    await startCeremony({ ...this.files(folder, power), rounds: this.rounds })
    return folder
  }

  /** Three contributors and a beacon. */
  async whole(name: string): Promise<string> {
    const folder = await this.begin(name)
    await contribute({ folder, name: 'Ada' })
    await contribute({ folder, name: 'Blaise', entropy: 'dice: 3 1 4 1 5' })
    await contribute({ folder, name: 'Clara' })
    await applyBeacon({ folder, ...BEACON })
    return folder
  }

  async copyOf(folder: string): Promise<string> {
    const target = this.at(`copy${this.#copies++}`)
    await cp(folder, target, { recursive: true })
    return target
  }

  async transcript(folder: string): Promise<TwoRoundTranscript> {
    const transcript = await readTranscript(folder)
    if (transcript.version !== 2) throw new TypeError('not a ceremony in two rounds')
    return transcript
  }

  async edit(folder: string, change: (transcript: any) => void): Promise<void> {
    const transcript = JSON.parse(await readFile(transcriptPath(folder), 'utf8'))
    change(transcript)
    await writeFile(transcriptPath(folder), JSON.stringify(transcript))
  }

  /** What every check says, such as "2 knowledge-1". */
  async faults(folder: string): Promise<string[]> {
    const found: string[] = []
    for await (const { step, check } of ceremonyFaults(this.files(folder), await this.transcript(folder))) {
      found.push(`${step} ${check}`)
    }
    return found
  }
}

export async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('expected a rejection')
}
