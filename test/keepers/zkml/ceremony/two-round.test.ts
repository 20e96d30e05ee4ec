// SPDX-License-Identifier: GPL-3.0-or-later
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { zKey } from 'snarkjs'
import { applyBeacon, contribute, startCeremony } from '../../../../keepers/zkml/ceremony/ceremony.ts'
import { stepPath, transcriptPath } from '../../../../keepers/zkml/ceremony/transcript.ts'
import { readStepPoints } from '../../../../keepers/zkml/ceremony/two-round/points-file.ts'
import { pointsPath } from '../../../../keepers/zkml/ceremony/two-round/steps.ts'
import { finalizeCeremony, verifyCeremony } from '../../../../keepers/zkml/ceremony/verify.ts'
import { holdSnarkjsThreads } from '../../../../keepers/zkml/prove/snarkjs.ts'
import { openTwoRound } from '../../../../keepers/zkml/prove/two-round.ts'
import { verifyTwoRound } from '../../../../keepers/zkml/prove/two-round-verify.ts'
import { readKeyMetadata, sha256File } from '../../../../keepers/zkml/setup/metadata.ts'
import { parseTwoRoundZkey } from '../../../../keepers/zkml/setup/two-round-zkey.ts'
import { parseZkey } from '../../../../keepers/zkml/setup/zkey.ts'
import { twoRoundKeyHash, twoRoundKeyOf } from '../../../../keepers/zkml/verifier/two-round-key.ts'
import { honest } from '../two-round/range-circuit.ts'
import { BEACON, CeremonyStage, failure, POWER } from './two-round-stage.ts'

describe('a ceremony for Groth16 in two rounds', function () {
  this.timeout(60_000)
  let stage: CeremonyStage
  let folder: string

  before(async () => {
    stage = await CeremonyStage.open()
    folder = await stage.whole('ceremony')
  })
  after(async () => {
    await holdSnarkjsThreads()()
    await rm(stage.home, { recursive: true, force: true })
  })

  it('begins with the points that snarkjs computes, to the last one that the powers serve and with powers to spare', async () => {
    await stage.makePowers(POWER + 1)
    const spare = await stage.begin('spare', POWER + 1)
    for (const [power, begun] of [
      [POWER, folder],
      [POWER + 1, spare],
    ] as const) {
      const target = stage.at(`snarkjs${power}.zkey`)
      await zKey.newZKey(stage.r1cs, stage.ptau(power), target)
      const { sections } = parseZkey(await readFile(target))
      const points = await readStepPoints(pointsPath(begun, 0))
      expect(Buffer.concat([points.commitment, points.c]).equals(sections.c), 'K').to.equal(true)
      expect(Buffer.from(points.h).equals(sections.h), 'H').to.equal(true)
    }
    const short = await readStepPoints(pointsPath(folder, 0))
    const whole = await readStepPoints(pointsPath(spare, 0))
    expect(Buffer.from(short.h).equals(whole.h)).to.equal(false)
  })

  it('verifies from its public files alone, and reports every step', async () => {
    const transcript = await verifyCeremony(stage.files(folder))
    expect(transcript.steps.map(({ kind, name }) => [kind, name])).to.deep.equal([
      ['contribution', 'Ada'],
      ['contribution', 'Blaise'],
      ['contribution', 'Clara'],
      ['beacon', 'beacon'],
    ])
    expect(transcript).to.include({ version: 2, system: 'groth16-lookup' })
    expect(new Set(transcript.steps.map((step) => step.contributionHash)).size).to.equal(4)
    expect(await stage.faults(folder)).to.deep.equal([])
  })

  it('finalises to a key marked as a ceremony’s, the same each time, with proofs that verify', async () => {
    const target = await stage.copyOf(folder)
    const zkeyPath = stage.at('final.zkey')
    const metadata = await finalizeCeremony({ ...stage.files(target), zkeyPath })
    expect(metadata).to.include({ setup: 'ceremony', transcriptSha256: await sha256File(transcriptPath(target)) })
    expect(metadata.rounds).to.deep.equal(stage.rounds)
    expect(await readKeyMetadata(zkeyPath)).to.deep.equal(metadata)
    expect((await stage.transcript(target)).final?.vkHash).to.equal(metadata.vkHash)
    const again = await finalizeCeremony({
      ...stage.files(await stage.copyOf(folder)),
      zkeyPath: stage.at('again.zkey'),
    })
    expect(again).to.include({ zkeySha256: metadata.zkeySha256, vkHash: metadata.vkHash })

    const zkey = parseTwoRoundZkey(await readFile(zkeyPath))
    expect(zkey.local).to.equal(false)
    const key = await twoRoundKeyOf(zkey)
    expect(twoRoundKeyHash(key)).to.equal(metadata.vkHash)
    const prover = await openTwoRound(new Uint8Array(await readFile(zkeyPath)), { threads: 1 })
    for (const secret of [0, 17, 255]) {
      const { proof, publicSignals } = await prover.prove(honest(stage.circuit, secret, 9n))
      expect(await verifyTwoRound(key, proof, publicSignals), `${secret}`).to.equal(true)
      expect(await verifyTwoRound(key, proof, [...publicSignals.slice(0, 3), 10n])).to.equal(false)
    }
    await prover.close()
  })

  it('has the sections that snarkjs computes, in the key', async () => {
    const theirs = parseZkey(await readFile(stage.at(`snarkjs${POWER}.zkey`))).sections
    const ours = parseTwoRoundZkey(await readFile(stage.at('final.zkey'))).sections
    for (const section of ['a', 'b1', 'b2', 'ic', 'coefficients'] as const) {
      expect(Buffer.from(ours[section]).equals(theirs[section]), section).to.equal(true)
    }
  })

  it('refuses anything after the beacon, a beacon alone, and finalising without one', async () => {
    expect(await failure(contribute({ folder, name: 'Late' }))).to.include({ code: 'wrong-state' })
    expect(await failure(applyBeacon({ folder, ...BEACON }))).to.include({ code: 'wrong-state' })
    const target = await stage.begin('short')
    expect(await failure(applyBeacon({ folder: target, ...BEACON }))).to.include({ code: 'wrong-state' })
    const zkeyPath = stage.at('short.zkey')
    expect((await failure(finalizeCeremony({ ...stage.files(target), zkeyPath }))).message).to.match(/nobody/)
    await contribute({ folder: target, name: 'Only' })
    expect((await failure(finalizeCeremony({ ...stage.files(target), zkeyPath }))).message).to.match(/beacon/)
    expect(await readdir(stage.home)).not.to.include('short.zkey')
    expect(await failure(startCeremony({ ...stage.files(target), rounds: stage.rounds }))).to.include({
      code: 'wrong-state',
    })
  })

  it('refuses a division of the wires under which the second round is not determined', async () => {
    const rounds = { ...stage.rounds, firstRound: stage.rounds.firstRound - 1 }
    const fresh = stage.at('never')
    expect(await failure(startCeremony({ ...stage.files(fresh), rounds }))).to.include({ code: 'r1cs-unsupported' })
    expect(await readdir(stage.home)).not.to.include('never')
    const target = await stage.copyOf(folder)
    await stage.edit(target, (t) => {
      t.circuit.firstRound--
    })
    expect(await failure(verifyCeremony(stage.files(target)))).to.include({ code: 'r1cs-unsupported' })
  })

  it('refuses by name what is truncated, of another system or of another ceremony', async () => {
    const path = (target: string) => pointsPath(target, 3)
    const whole = await readFile(path(folder))
    const others: [string, Uint8Array, RegExp][] = [
      ['truncated', whole.subarray(0, whole.length - 100), /0003\.points: section .* the file ends before/],
      ['a key', await readFile(stage.at(`snarkjs${POWER}.zkey`)), /0003\.points: does not begin with the letters ph2l/],
      ['empty', Buffer.alloc(0), /0003\.points: 0 bytes/],
      ['coordinates', Buffer.concat([whole.subarray(0, -8), Buffer.alloc(8, 255)]), /coordinate that is not below/],
    ]
    for (const [what, bytes, message] of others) {
      const target = await stage.copyOf(folder)
      await writeFile(path(target), bytes)
      expect(await failure(verifyCeremony(stage.files(target))), what).to.include({ code: 'transcript-mismatch' })
      const hash = await sha256File(path(target))
      await stage.edit(target, (t) => {
        t.steps[2].pointsSha256 = hash
      })
      const error = await failure(verifyCeremony(stage.files(target)))
      expect(error, what).to.include({ code: 'transcript-mismatch' })
      expect(error.message).to.match(message)
    }
    const missing = await stage.copyOf(folder)
    await rm(path(missing))
    expect((await failure(verifyCeremony(stage.files(missing)))).message).to.match(
      /0003\.points: the points are missing/,
    )
  })

  it('refuses a transcript of plain Groth16 over its files, and the reverse', async () => {
    const target = await stage.copyOf(folder)
    await stage.edit(target, (t) => {
      t.version = 1
    })
    expect(await failure(verifyCeremony(stage.files(target)))).to.include({ code: 'transcript-mismatch' })
    await stage.edit(target, (t) => {
      t.version = 2
      t.system = 'groth16'
    })
    expect(await failure(verifyCeremony(stage.files(target)))).to.include({ code: 'transcript-mismatch' })
    const plain = stage.at('plain')
    await startCeremony(stage.files(plain))
    expect((await readdir(plain)).sort()).to.deep.equal(['0000.zkey', 'transcript.json'])
    expect(stepPath(plain, 0)).to.match(/0000\.zkey$/)
    await stage.edit(plain, (t) => {
      t.version = 2
    })
    expect(await failure(verifyCeremony(stage.files(plain)))).to.include({ code: 'transcript-mismatch' })
  })

  it('can be interrupted while it hashes a beacon that would take years', async () => {
    const target = await stage.copyOf(folder)
    await stage.edit(target, (t) => {
      t.steps[3].beacon.iterationsExponent = 63
    })
    const controller = new AbortController()
    const onProgress = (message: string) => {
      if (/step 4 of 4/.test(message)) setTimeout(() => controller.abort(new Error('enough')), 50)
    }
    const stopped = await failure(verifyCeremony(stage.files(target), { signal: controller.signal, onProgress }))
    expect(stopped.message).to.equal('enough')
  })

  it('leaves the folder as it was when a contribution fails, and goes on from there', async () => {
    const target = await stage.begin('interrupted')
    const names = await readdir(target)
    const controller = new AbortController()
    controller.abort(new Error('not now'))
    const stopped = await failure(contribute({ folder: target, name: 'Ada' }, { signal: controller.signal }))
    expect(stopped.message).to.equal('not now')
    const during = new AbortController()
    const onProgress = () => during.abort(new Error('nor now'))
    const late = await failure(contribute({ folder: target, name: 'Ada' }, { signal: during.signal, onProgress }))
    expect(late.message).to.equal('nor now')
    expect(await readdir(target)).to.deep.equal(names)
    expect((await stage.transcript(target)).steps).to.deep.equal([])
    await contribute({ folder: target, name: 'Ada' })
    expect(await stage.faults(target)).to.deep.equal([])
  })
})
