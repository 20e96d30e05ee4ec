// SPDX-License-Identifier: GPL-3.0-or-later
import { copyFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { buildBn128 } from 'ffjavascript'
import { powersOfTau } from 'snarkjs'
import { applyBeacon, contribute, startCeremony } from '../../../../keepers/zkml/ceremony/ceremony.ts'
import { checkPowersOfTau } from '../../../../keepers/zkml/ceremony/ptau.ts'
import { PUBLISHED_PTAU } from '../../../../keepers/zkml/ceremony/published-ptau.ts'
import { readTranscript, stepPath, transcriptPath } from '../../../../keepers/zkml/ceremony/transcript.ts'
import { finalizeCeremony, verifyCeremony } from '../../../../keepers/zkml/ceremony/verify.ts'
import { holdSnarkjsThreads } from '../../../../keepers/zkml/prove/snarkjs.ts'
import { verifyProof } from '../../../../keepers/zkml/prove/verify.ts'
import { wasmBackend } from '../../../../keepers/zkml/prove/wasm.ts'
import { setupLocal } from '../../../../keepers/zkml/setup/local.ts'
import { readKeyMetadata, sha256File } from '../../../../keepers/zkml/setup/metadata.ts'
import { parseZkey } from '../../../../keepers/zkml/setup/zkey.ts'
import { verificationKeyHash, verificationKeyOf } from '../../../../keepers/zkml/verifier/verification-key.ts'
import { compileToy, type ToyCircuit } from '../setup/toy-circuit.ts'

const BEACON = { value: '0102030405060708090a0b0c0d0e0f10', iterationsExponent: 10, source: 'a test' }

describe('ceremony', function () {
  // snarkjs checks whole keys; a busy machine takes its time.
  this.timeout(180_000)
  let toy: ToyCircuit
  let ptau: string
  let folder: string
  let counter = 0

  /** A small prepared file of our own: nothing that anyone published. */
  before(async () => {
    toy = await compileToy(12)
    const at = (name: string) => join(toy.folder, name)
    await powersOfTau.newAccumulator(await buildBn128(), 6, at('0.ptau'))
    await powersOfTau.contribute(at('0.ptau'), at('1.ptau'), 'test', 'entropy of a test')
    await powersOfTau.preparePhase2(at('1.ptau'), at('small.ptau'))
    ptau = at('small.ptau')
    folder = at('ceremony')
    await startCeremony({ r1cs: toy.r1cs, ptau, folder, allowUnpublishedPtau: true })
    await contribute({ folder, name: 'Ada' })
    await contribute({ folder, name: 'Blaise', entropy: 'dice: 3 1 4 1 5' })
    await applyBeacon({ folder, ...BEACON })
  })

  after(async () => {
    await holdSnarkjsThreads()()
    await rm(toy.folder, { recursive: true, force: true })
  })

  const files = (other = folder) => ({ folder: other, r1cs: toy.r1cs, ptau, allowUnpublishedPtau: true })
  async function copyOfCeremony(): Promise<string> {
    const target = join(toy.folder, `copy${counter++}`)
    await cp(folder, target, { recursive: true })
    return target
  }
  async function edit(target: string, change: (transcript: any) => void): Promise<void> {
    const transcript = JSON.parse(await readFile(transcriptPath(target), 'utf8'))
    change(transcript)
    await writeFile(transcriptPath(target), JSON.stringify(transcript))
  }

  it('verifies from its public files alone, and reports every step', async () => {
    const transcript = await verifyCeremony(files())
    expect(transcript.steps.map(({ kind, name }) => [kind, name])).to.deep.equal([
      ['contribution', 'Ada'],
      ['contribution', 'Blaise'],
      ['beacon', 'beacon'],
    ])
    expect(transcript.powersOfTau.published).to.equal(false)
    expect(new Set(transcript.steps.map((step) => step.contributionHash)).size).to.equal(3)
  })

  it('finalises to a key marked as a ceremony’s, with proofs that verify', async () => {
    const target = await copyOfCeremony()
    const zkeyPath = join(toy.folder, 'final.zkey')
    const metadata = await finalizeCeremony({ ...files(target), zkeyPath })
    expect(metadata.setup).to.equal('ceremony')
    expect(metadata.transcriptSha256).to.equal(await sha256File(transcriptPath(target)))
    expect(await readKeyMetadata(zkeyPath)).to.deep.equal(metadata)
    expect((await readTranscript(target)).final?.vkHash).to.equal(metadata.vkHash)
    expect(parseZkey(await readFile(zkeyPath)).local).to.equal(false)
    const key = await verificationKeyOf(parseZkey(await readFile(zkeyPath)))
    expect(verificationKeyHash(key)).to.equal(metadata.vkHash)
    const prover = await wasmBackend().open(zkeyPath)
    const { proof, publicSignals } = await prover.prove(await toy.witness(5, 6, 7n))
    await prover.close()
    expect(await verifyProof(key, proof, publicSignals)).to.equal(true)
  })

  it('accepts no powers of tau but the published ones, unless told to', async () => {
    expect(await failure(checkPowersOfTau(ptau))).to.include({ code: 'ptau-refused' })
    const fresh = join(toy.folder, 'never')
    expect(await failure(startCeremony({ r1cs: toy.r1cs, ptau, folder: fresh }))).to.include({ code: 'ptau-refused' })
    expect(await failure(verifyCeremony({ ...files(), allowUnpublishedPtau: false }))).to.include({
      code: 'ptau-refused',
    })
    expect(PUBLISHED_PTAU.size).to.equal(21)
    expect([...PUBLISHED_PTAU.keys()]).to.deep.equal(Array.from({ length: 21 }, (_, i) => 8 + i))
  })

  it('refuses powers that are truncated, unprepared, too small, or no such file', async () => {
    const cut = join(toy.folder, 'cut.ptau')
    const bytes = await readFile(ptau)
    await writeFile(cut, bytes.subarray(0, bytes.length - 100))
    const allow = { allowUnpublished: true }
    expect((await failure(checkPowersOfTau(cut, allow))).message).to.match(/truncated/)
    expect((await failure(checkPowersOfTau(join(toy.folder, '1.ptau'), allow))).message).to.match(/not prepared/)
    expect((await failure(checkPowersOfTau(toy.r1cs, allow))).message).to.match(/not a powers-of-tau file/)
    expect((await failure(checkPowersOfTau(join(toy.folder, 'absent'), allow))).code).to.equal('ptau-refused')
    const big = await compileToy(100)
    const input = { r1cs: big.r1cs, ptau, folder: join(toy.folder, 'big'), allowUnpublishedPtau: true }
    expect((await failure(startCeremony(input))).message).to.match(/too small/)
    await rm(big.folder, { recursive: true })
  })

  it('refuses anything after the beacon, a beacon alone, and finalising without one', async () => {
    expect(await failure(contribute({ folder, name: 'Late' }))).to.include({ code: 'wrong-state' })
    expect(await failure(applyBeacon({ folder, ...BEACON }))).to.include({ code: 'wrong-state' })
    const target = join(toy.folder, 'short')
    await startCeremony({ r1cs: toy.r1cs, ptau, folder: target, allowUnpublishedPtau: true })
    expect(await failure(applyBeacon({ folder: target, ...BEACON }))).to.include({ code: 'wrong-state' })
    const zkeyPath = join(toy.folder, 'short.zkey')
    expect(await failure(finalizeCeremony({ ...files(target), zkeyPath }))).to.include({ code: 'wrong-state' })
    await contribute({ folder: target, name: 'Only' })
    expect((await failure(finalizeCeremony({ ...files(target), zkeyPath }))).message).to.match(/beacon/)
    expect((await readdir(toy.folder)).includes('short.zkey')).to.equal(false)
    expect(await failure(startCeremony({ ...files(target) }))).to.include({ code: 'wrong-state' })
  })

  it('refuses bad names and beacons', async () => {
    for (const name of ['', '  ', 'x'.repeat(65)]) {
      expect(await failure(contribute({ folder, name }))).to.include({ code: 'invalid-option' })
    }
    for (const bad of [
      { value: '' },
      { value: 'xyz' },
      { value: 'abc' },
      { iterationsExponent: 9 },
      { iterationsExponent: 1.5 },
    ]) {
      expect(await failure(applyBeacon({ folder, ...BEACON, ...bad }))).to.include({ code: 'invalid-option' })
    }
  })

  it('catches a transcript that was edited, and a key that was exchanged', async () => {
    const edits: ((transcript: any) => void)[] = [
      (t) => {
        t.steps[0].contributionHash = t.steps[1].contributionHash
      },
      (t) => {
        t.steps.splice(1, 1)
      },
      (t) => {
        t.steps[2].beacon.value = 'ff'
      },
      (t) => {
        t.circuit.r1csSha256 = t.initialZkeySha256
      },
      (t) => {
        t.powersOfTau.published = true
      },
      (t) => {
        t.circuitHash = t.steps[0].contributionHash
      },
      (t) => {
        t.steps[0].name = 'Eve'
      },
      (t) => {
        t.powersOfTau.power += 1
      },
      (t) => {
        t.circuit.constraints += 1
      },
      (t) => {
        t.circuit.variables += 1
      },
      (t) => {
        t.circuit.publicSignals += 1
      },
      (t) => {
        t.extra = 1
      },
      (t) => {
        delete t.steps[2].beacon
      },
    ]
    for (const [i, change] of edits.entries()) {
      const target = await copyOfCeremony()
      await edit(target, change)
      expect(await failure(verifyCeremony(files(target))), `edit ${i}`).to.include({ code: 'transcript-mismatch' })
    }
    const target = await copyOfCeremony()
    await copyFile(stepPath(target, 1), stepPath(target, 3))
    expect(await failure(verifyCeremony(files(target)))).to.include({ code: 'transcript-mismatch' })
  })

  it('catches a key that follows from nothing, even when the transcript vouches for it', async () => {
    const target = await copyOfCeremony()
    const path = stepPath(target, 3)
    const bytes = await readFile(path)
    const { sections } = parseZkey(bytes)
    // Exchange two points of the C query.
    const at = sections.c.byteOffset - bytes.byteOffset
    const [first, second] = [Buffer.from(bytes.subarray(at, at + 64)), Buffer.from(bytes.subarray(at + 64, at + 128))]
    second.copy(bytes, at)
    first.copy(bytes, at + 64)
    await writeFile(path, bytes)
    const forged = await sha256File(path)
    await edit(target, (t) => {
      t.steps[2].zkeySha256 = forged
    })
    expect(await failure(verifyCeremony(files(target)))).to.include({ code: 'invalid-contribution' })
  })

  it('cannot be fed a local key', async () => {
    const target = await copyOfCeremony()
    const path = stepPath(target, 3)
    await setupLocal(toy.r1cs, path)
    const forged = await sha256File(path)
    await edit(target, (t) => {
      t.steps[2].zkeySha256 = forged
    })
    expect(await failure(verifyCeremony(files(target)))).to.include({ code: 'transcript-mismatch' })
  })

  it('leaves the folder as it was when a contribution fails', async () => {
    const target = await mkdtemp(join(tmpdir(), 'cohort-ceremony-'))
    await rm(target, { recursive: true })
    await startCeremony({ r1cs: toy.r1cs, ptau, folder: target, allowUnpublishedPtau: true })
    const names = await readdir(target)
    const controller = new AbortController()
    controller.abort(new Error('not now'))
    const stopped = await failure(contribute({ folder: target, name: 'Ada' }, { signal: controller.signal }))
    expect(stopped.message).to.equal('not now')
    await writeFile(stepPath(target, 0), 'no key')
    expect(await failure(contribute({ folder: target, name: 'Ada' }))).to.include({ code: 'transcript-mismatch' })
    expect(await readdir(target)).to.deep.equal(names)
    expect((await readTranscript(target)).steps).to.deep.equal([])
    await rm(target, { recursive: true })
  })
})

async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('expected a rejection')
}
