// SPDX-License-Identifier: GPL-3.0-or-later
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseProof, parsePublicSignals } from '../../../../keepers/zkml/prove/proof.ts'
import { verifyProof } from '../../../../keepers/zkml/prove/verify.ts'
import { setupLocal } from '../../../../keepers/zkml/setup/local.ts'
import { parseZkey } from '../../../../keepers/zkml/setup/zkey.ts'
import { verificationKeyOf } from '../../../../keepers/zkml/verifier/verification-key.ts'
import { compileToy } from '../setup/toy-circuit.ts'
import { findChromium, runInBrowser } from './browser.ts'

/** What a web page does: witness from inputs, proof with either backend, verification. */
const SCRIPT = `
import { WitnessProgram } from '/keepers/zkml/circuit/witness.ts'
import { wasmBackend } from '/keepers/zkml/prove/wasm.ts'
import { snarkjsBackend } from '/keepers/zkml/prove/snarkjs.ts'
import { verifyProof } from '/keepers/zkml/prove/verify.ts'
import { proofToJson, publicSignalsToJson } from '/keepers/zkml/prove/proof.ts'
import { parseZkey } from '/keepers/zkml/setup/zkey.ts'
import { verificationKeyOf } from '/keepers/zkml/verifier/verification-key.ts'
const get = async (name) => new Uint8Array(await (await fetch('/files/' + name)).arrayBuffer())
const [zkey, program] = [await get('toy.zkey'), await WitnessProgram.load(await get('toy.wasm'))]
const witness = program.calculate({ left: 12n, right: 34n, context: 56n })
const key = await verificationKeyOf(parseZkey(zkey))
const results = []
for (const backend of [wasmBackend({ threads: 2 }), snarkjsBackend]) {
  const prover = await backend.open(zkey)
  const { proof, publicSignals } = await prover.prove(witness)
  results.push({
    backend: prover.backend,
    verified: await verifyProof(key, proof, publicSignals),
    proof: proofToJson(proof),
    publicSignals: publicSignalsToJson(publicSignals),
  })
  await prover.close()
}
await report(results)
`

describe('proving in a browser', () => {
  it('makes proofs from the same sources that Node then verifies', async function () {
    const chromium = findChromium()
    if (chromium === null) {
      console.warn('      no Chromium on the path (COHORT_CHROMIUM): skipped')
      return this.skip()
    }
    this.timeout(120_000)
    const toy = await compileToy(200)
    const zkey = join(toy.folder, 'toy.zkey')
    await setupLocal(toy.r1cs, zkey)
    const files = {
      'toy.zkey': await readFile(zkey),
      'toy.wasm': toy.wasm,
    }
    await rm(toy.folder, { recursive: true })
    const key = await verificationKeyOf(parseZkey(files['toy.zkey']))
    const results = (await runInBrowser(chromium, SCRIPT, files)) as any[]
    expect(results.map(({ backend }) => backend)).to.deep.equal(['wasm', 'snarkjs'])
    for (const { verified, proof, publicSignals } of results) {
      expect(verified).to.equal(true)
      expect(publicSignals[0]).to.equal('144')
      expect(publicSignals[3]).to.equal('56')
      expect(await verifyProof(key, parseProof(proof), parsePublicSignals(publicSignals))).to.equal(true)
    }
  })
})
