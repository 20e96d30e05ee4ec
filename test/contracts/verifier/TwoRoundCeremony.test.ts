// SPDX-License-Identifier: GPL-3.0-or-later
// The emitted verifier of a key that a ceremony made: γ is 1 there, and both δ are products of the contributors' factors.
import { readFile, rm } from 'node:fs/promises'
import { expect } from 'chai'
import { network } from 'hardhat'
import { SCALAR_FIELD } from '../../../keepers/zkml/bn254.ts'
import { finalizeCeremony } from '../../../keepers/zkml/ceremony/verify.ts'
import { holdSnarkjsThreads } from '../../../keepers/zkml/prove/snarkjs.ts'
import { openTwoRound } from '../../../keepers/zkml/prove/two-round.ts'
import { parseTwoRoundZkey } from '../../../keepers/zkml/setup/two-round-zkey.ts'
import { twoRoundKeyOf } from '../../../keepers/zkml/verifier/two-round-key.ts'
import { exportTwoRoundVerifier } from '../../../keepers/zkml/verifier/two-round-solidity.ts'
import { compile } from '../../../scripts/solc.ts'
import { CeremonyStage } from '../../keepers/zkml/ceremony/two-round-stage.ts'
import { honest } from '../../keepers/zkml/two-round/range-circuit.ts'
import { type Verifier, type Words, words } from './two-round.ts'

const { ethers } = await network.create()

describe('emitted verifier of a ceremony’s key in two rounds', function () {
  this.timeout(60_000)
  let stage: CeremonyStage
  let verifier: Verifier
  let proofs: Words[]
  let vkHash: string

  before(async () => {
    stage = await CeremonyStage.open()
    const zkeyPath = stage.at('circuit.zkey')
    ;({ vkHash } = await finalizeCeremony({ ...stage.files(await stage.whole('ceremony')), zkeyPath }))
    const zkey = new Uint8Array(await readFile(zkeyPath))
    const prover = await openTwoRound(zkey, { threads: 1 })
    proofs = []
    for (const secret of [0, 200]) {
      proofs.push(words(await prover.prove(honest(stage.circuit, secret, SCALAR_FIELD - 2n ** 200n))))
    }
    await prover.close()
    const key = await twoRoundKeyOf(parseTwoRoundZkey(zkey))
    const source = exportTwoRoundVerifier(key, { name: 'Ranges', setupKind: 'ceremony' })
    const { abi, bytecode } = compile(source, { strict: true }).Ranges!
    const [signer] = await ethers.getSigners()
    verifier = (await new ethers.ContractFactory(abi as any, bytecode, signer).deploy()) as Verifier
  })
  after(async () => {
    await holdSnarkjsThreads()()
    await rm(stage.home, { recursive: true, force: true })
  })

  it('accepts its proofs alone and in a batch, refuses changed ones, and says that a ceremony made the key', async () => {
    const verify = ({ a, b, c, signals }: Words): Promise<boolean> => verifier.verifyProof!.staticCall(a, b, c, signals)
    const batch = (all: Words[]): Promise<boolean> =>
      verifier.verifyBatch!.staticCall(
        all.map(({ a, b, c }) => ({ a, b, c })),
        all.map(({ signals }) => signals),
      )
    for (const proof of proofs) expect(await verify(proof)).to.equal(true)
    expect(await batch(proofs)).to.equal(true)
    const [first, second] = proofs as [Words, Words]
    const changed = { ...first, signals: first.signals.with(2, first.signals[2]! + 1n) }
    expect(await verify(changed)).to.equal(false)
    expect(await batch([second, changed])).to.equal(false)
    expect(await verify({ ...first, c: [second.c[0]!, first.c[1]!] })).to.equal(false)
    expect(await verifier.SETUP_KIND!()).to.equal(2n)
    expect(await verifier.vkHash!()).to.equal(vkHash)
  })
})
