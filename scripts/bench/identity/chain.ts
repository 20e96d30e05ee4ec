// SPDX-License-Identifier: GPL-3.0-or-later
// A gate on an in-process chain, with the full circuits, and what its transactions cost.
import {
  commitPicture,
  countrySet,
  dateOfDay,
  documentKey,
  drawFace,
  ENROLMENT_SHOTS,
  enrol,
  faceModel,
  faceProgram,
  type GateQuestion,
  holderOf,
  IntervalList,
  identityInputs,
  issueCredential,
  nullifierOf,
  signCapture,
  writeCapture,
  writeCredential,
} from '../../../keepers/apps/identity/index.ts'
import { deployVerifier } from '../../../keepers/serving/index.ts'
import {
  type CircuitInputs,
  eddsaMaterial,
  eddsaPublicKey,
  type IntegerProgram,
  PROOF_BYTES,
  SourceProver,
  toSolidityProof,
} from '../../../keepers/zkml/index.ts'

const DAY = 86_400
const EDDSA = 4
const [ISSUER, CAMERA] = [1, 2].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array]
const COUNTRIES = countrySet([408, 364], true)
/** Somebody whom training never saw. */
const PERSON = 2001

/** A drawn person who passes: with a credential, a picture and empty lists. */
function somebody(program: IntegerProgram, question: GateQuestion, secret = 1n << 200n) {
  const shots = Array.from({ length: ENROLMENT_SHOTS }, (_, shot) => drawFace(1, PERSON, shot))
  const credential = issueCredential(ISSUER, {
    ...{ holder: holderOf(secret), document: documentKey(276, `BENCH${secret % 97n}`), born: 1990_12_31, country: 276 },
    ...{ expires: 2099_12_31, face: enrol(program, shots), camera: eddsaPublicKey(CAMERA) },
  })
  const commit = (pixels: ArrayLike<number>, salt: bigint) => commitPicture(program, pixels, salt)
  const capture = signCapture(CAMERA, drawFace(1, PERSON, 7), question.context, commit)
  return { secret, credential, capture, question }
}

const QUESTION = { application: 1n, context: 2n, bornBy: 2008_11_30, through: 2027_01_01, countries: COUNTRIES }

/** Inputs of either circuit that it accepts. */
export function exampleInputs(kind: 'proof' | 'list'): CircuitInputs {
  if (kind === 'list') return new IntervalList().add(documentKey(276, 'BENCH'))
  const program = faceProgram(faceModel())
  const empty = new IntervalList()
  return identityInputs({ program, ...somebody(program, QUESTION), sanctions: empty, revocations: empty })
}

/** Gas of whole transactions, and bytes of what is handed around. */
export async function measureGateGas(
  folders: { readonly people: string; readonly changes: string },
  program: IntegerProgram,
): Promise<Record<string, number>> {
  const { network } = await import('hardhat')
  const { ethers, networkHelpers } = await network.create()
  const [owner, holder] = await ethers.getSigners()
  const [people, changes] = [await SourceProver.open(folders.people), await SourceProver.open(folders.changes)]
  try {
    const verifiers = await ethers.deployContract('VerifierRegistry', [owner!])
    await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), owner!)
    for (const { circuit } of [people, changes]) {
      const { address, vkHash } = await deployVerifier(circuit.folder, owner!)
      await verifiers.register(circuit.circuitId, address, vkHash, 1, '0x')
    }
    const publishers = await ethers.deployContract('PublisherRegistry')
    await publishers.registerPublisher('issuer')
    await publishers.addKey(1, EDDSA, 0, 4_000_000_000, eddsaMaterial(eddsaPublicKey(ISSUER)))
    const list = new IntervalList()
    const lists = await ethers.deployContract('ValueLists', [verifiers, changes.circuit.circuitId, list.root])
    await lists.openList('sanctions')
    await lists.openList('revoked')
    const policy = { minAge: 18, passDays: 30, rootSeconds: 600, challengeBlocks: 128, sanctionsList: 1 }
    const gate = await ethers.deployContract('IdentityGate', [
      ...[verifiers, publishers, lists, people.circuit.circuitId, owner!, { ...policy, countries: [...COUNTRIES] }],
    ])
    await gate.setIssuer(1, true, 2)
    const token = await ethers.deployContract('PassedToken', [gate, 1000n])

    const solidity = (proof: Parameters<typeof toSolidityProof>[0]) => {
      const { a, b, c } = toSolidityProof(proof)
      return { a: [...a], b: b.map((pair) => [...pair]), c: [...c] } as never
    }
    const pass = async (account: string, secret: bigint) => {
      const block = (await ethers.provider.getBlockNumber()) - 1
      const day = Math.floor((await networkHelpers.time.latest()) / DAY)
      const question = {
        application: await gate.application(),
        context: await gate.contextOf(account, block),
        bornBy: dateOfDay(day) - 18 * 10_000,
        through: dateOfDay(day + policy.passDays),
        countries: COUNTRIES,
      }
      const who = somebody(program, question, secret)
      const empty = new IntervalList()
      const { proof } = await people.prove(identityInputs({ program, ...who, sanctions: empty, revocations: empty }))
      const statement = {
        ...{
          issuerId: 1,
          keyId: 1,
          challengeBlock: block,
          day,
          sanctionsRoot: empty.root,
          revocationsRoot: empty.root,
        },
        nullifier: nullifierOf(secret, question.application),
      }
      const receipt = await (await gate.pass(account, statement, solidity(proof))).wait()
      return { gas: Number(receipt!.gasUsed), who }
    }
    const [first, second] = [1n << 200n, (1n << 200n) + 1n]
    const passed = await pass(holder!.address, first)
    const renewed = await pass(holder!.address, first)
    await pass(owner!.address, second)
    const moved = await (await token.transfer(holder!.address, 5n)).wait()
    const again = await (await token.transfer(holder!.address, 5n)).wait()
    const change = list.add(documentKey(276, 'LISTED'))
    const proof = solidity((await changes.prove(change)).proof)
    const added = await (await lists.add(1, change.value, change.index, change.after, proof)).wait()
    const removed = await (await lists.remove(1, change.value, change.index, change.before, proof)).wait()
    return {
      'gas.pass': passed.gas,
      'gas.renew': renewed.gas,
      'gas.first-transfer': Number(moved!.gasUsed),
      'gas.transfer': Number(again!.gasUsed),
      'gas.list-add': Number(added!.gasUsed),
      'gas.list-remove': Number(removed!.gasUsed),
      'bytes.proof': PROOF_BYTES,
      'bytes.credential': writeCredential(passed.who.credential).length,
      'bytes.capture': writeCapture(passed.who.capture).length,
    }
  } finally {
    await people.close()
    await changes.close()
  }
}
