// SPDX-License-Identifier: GPL-3.0-or-later
// Ceremonies in two rounds with a transcript that somebody changed: steps dropped, moved or renamed, a beacon that is none.
import { copyFile, readFile, rename, rm } from 'node:fs/promises'
import { expect } from 'chai'
import { applyBeacon, contribute } from '../../../../keepers/zkml/ceremony/ceremony.ts'
import { advance } from '../../../../keepers/zkml/ceremony/two-round/points.ts'
import { pointsPath } from '../../../../keepers/zkml/ceremony/two-round/steps.ts'
import { finalizeCeremony, verifyCeremony } from '../../../../keepers/zkml/ceremony/verify.ts'
import { addBeacon, addForgedStep, contribution, draw, type ForgedStep } from './two-round-mallory.ts'
import { BEACON, CeremonyStage, failure } from './two-round-stage.ts'

describe('the transcript of a ceremony for Groth16 in two rounds', function () {
  this.timeout(60_000)
  let stage: CeremonyStage
  let folder: string

  before(async () => {
    stage = await CeremonyStage.open()
    folder = await stage.begin('ceremony')
    for (const name of ['Ada', 'Blaise']) await contribution(stage, folder, name, draw())
  })
  after(() => rm(stage.home, { recursive: true, force: true }))

  const faultsOf = async (forgery: ForgedStep) => {
    const target = await stage.copyOf(folder)
    await addForgedStep(stage, target, forgery)
    return stage.faults(target)
  }

  it('has no beacon with factors that somebody drew', async () => {
    const factors = draw()
    const said = { kind: 'beacon', name: 'beacon', beacon: BEACON } as const
    expect(await faultsOf({ said, factors, points: (before) => advance(before, factors) })).to.deep.equal(['3 beacon'])
    const target = await stage.copyOf(folder)
    await addBeacon(stage, target)
    expect(await stage.faults(target)).to.deep.equal([])
    await stage.edit(target, (t) => {
      t.steps[2].beacon.value = 'ff'
    })
    expect(await stage.faults(target)).to.deep.equal(['3 hash', '3 beacon'])
  })

  it('has no step dropped, exchanged or repeated', async () => {
    const swap = async (target: string, a: number, b: number) => {
      await rename(pointsPath(target, a), `${target}.swap`)
      await rename(pointsPath(target, b), pointsPath(target, a))
      await rename(`${target}.swap`, pointsPath(target, b))
    }
    const dropped = await stage.copyOf(folder)
    await swap(dropped, 1, 2)
    await stage.edit(dropped, (t) => t.steps.shift())
    expect(await stage.faults(dropped)).to.deep.equal(['1 hash', '1 knowledge-1', '1 knowledge-2'])
    const exchanged = await stage.copyOf(folder)
    await swap(exchanged, 1, 2)
    await stage.edit(exchanged, (t) => t.steps.reverse())
    expect(await stage.faults(exchanged)).to.include.members(['1 hash', '1 knowledge-1', '2 hash', '2 knowledge-2'])
    const repeated = await stage.copyOf(folder)
    await copyFile(pointsPath(repeated, 2), pointsPath(repeated, 3))
    await stage.edit(repeated, (t) => t.steps.push(t.steps[1]))
    expect(await stage.faults(repeated)).to.include.members(['3 hash', '3 idle', '3 knowledge-1'])
  })

  it('prints no line of a step that is not in it, however a contributor is called', async () => {
    const [line] = (await stage.transcript(folder)).steps.map(
      ({ name, contributionHash }) => `${name} ${contributionHash}`,
    )
    for (const name of [`${line}\nMallory`, `Mallory ${line}`, 'Mallory\u001b[1A', 'Mallory\u202e', 'M'.repeat(65)]) {
      const target = await stage.copyOf(folder)
      await stage.edit(target, (t) => Object.assign(t.steps[1], { name }))
      const error = await failure(verifyCeremony(stage.files(target)))
      expect(error.message, name).to.match(/steps\[1\]\.name/)
      expect(await failure(contribute({ folder: target, name }))).to.have.property('code')
    }
    const honest = await stage.copyOf(folder)
    for (const name of ['\n', 'a\rb']) {
      expect(await failure(contribute({ folder: honest, name })), name).to.include({ code: 'invalid-option' })
      const beacon = { folder: honest, ...BEACON, source: name }
      expect(await failure(applyBeacon(beacon)), name).to.include({ code: 'invalid-option' })
    }
  })

  it('ends with the beacon, and names the key that follows from it', async () => {
    const target = await stage.copyOf(folder)
    await addBeacon(stage, target)
    const finished = await stage.copyOf(target)
    const lie = { zkeySha256: `0x${'11'.repeat(32)}`, vkHash: `0x${'22'.repeat(32)}`, at: new Date().toISOString() }
    await stage.edit(finished, (t) => Object.assign(t, { final: lie }))
    const zkeyPath = stage.at('lie.zkey')
    expect((await failure(finalizeCeremony({ ...stage.files(finished), zkeyPath }))).message).to.match(/final key/)
    expect(await readFile(zkeyPath).catch(() => null)).to.equal(null)
    // The last contributor waits for the beacon and goes on from it, with another one behind.
    const factors = draw()
    await addForgedStep(stage, target, { factors, points: (before) => advance(before, factors) })
    await addBeacon(stage, target)
    expect(await stage.faults(target)).to.deep.equal([])
    expect((await failure(verifyCeremony(stage.files(target)))).message).to.match(
      /step 4 \(Mallory\) follows the beacon/,
    )
  })

  it('is edited nowhere', async () => {
    const hash = `0x${'12'.repeat(64)}`
    const edits: [RegExp, (t: any) => void][] = [
      [/contribution hash/, (t) => Object.assign(t.steps[1], { contributionHash: hash })],
      [/contribution hash/, (t) => Object.assign(t.steps[0], { name: 'Eve' })],
      [/circuit hash/, (t) => Object.assign(t, { circuitHash: hash })],
      [/SHA-256/, (t) => Object.assign(t.steps[0], { pointsSha256: t.initialPointsSha256 })],
      [/circuit hash/, (t) => Object.assign(t, { initialPointsSha256: t.steps[0].pointsSha256 })],
      [/the ceremony is for/, (t) => Object.assign(t.circuit, { r1csSha256: t.initialPointsSha256 })],
      [/constraints, the transcript/, (t) => t.circuit.constraints++],
      [/variables, the transcript/, (t) => t.circuit.variables++],
      [/publicSignals, the transcript/, (t) => t.circuit.publicSignals++],
      [/of power/, (t) => t.powersOfTau.power++],
      [/wrong on whether/, (t) => Object.assign(t.powersOfTau, { published: true })],
      [/a contribution, and only/, (t) => delete t.steps[0].deltas[0].proof],
      [/extra/, (t) => Object.assign(t, { extra: 1 })],
      [/contribution hash/, (t) => Object.assign(t.steps[0].deltas[0].proof, { response: `0x${'ff'.repeat(32)}` })],
    ]
    for (const [i, [message, change]] of edits.entries()) {
      const target = await stage.copyOf(folder)
      await stage.edit(target, change)
      const error = await failure(verifyCeremony(stage.files(target)))
      expect(error.message, `edit ${i}`).to.match(message)
    }
  })
})
