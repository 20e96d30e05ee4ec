// SPDX-License-Identifier: GPL-3.0-or-later
// What a member says of updates in a dispute hides its share behind the pads of the round: 144 residues a prime. Whoever can
// have it speak of updates that nobody sent, in rounds that never were, must not get more of it than the pads hide.
import { expect } from 'chai'
import {
  checkUpdate,
  checkUpdatePoint,
  claimScalar,
  type Engine,
  MemoryOnceGuard,
  openEngine,
  type Plan,
  type RoundContext,
} from '../../../keepers/fhe/index.ts'
import { withDealt } from '../../../keepers/fhe/member-key.ts'
import { coefficientsIn } from '../../../keepers/fhe/message-source.ts'
import { shapeOf } from '../../../keepers/fhe/packing.ts'
import { weighShare } from '../../../keepers/fhe/projection.ts'
import { roundSeed } from '../../../keepers/fhe/round-polynomial.ts'
import { sumClaim } from '../../../keepers/fhe/shortness.ts'
import { combinationOf, decodeProof, projectionSeed, rootOfProof } from '../../../keepers/fhe/shortness-format.ts'
import { PROJECTION_ROWS } from '../../../keepers/fhe/sizes.ts'
import { readUpdate, updatePrefix } from '../../../keepers/fhe/vector-messages.ts'
import { inverseMod } from './arithmetic.ts'
import { type Ceremony, ceremony, ROUND, testPlan } from './ceremony.ts'

const VICTIM = 0
const RECEIVER = 1
const ROUNDS_PER_KEY = 2
/** Two equations a prime each: two more than there are pads. */
const QUERIES = PROJECTION_ROWS / 2 + 1

describe('fhe scalars of a dispute', () => {
  let plan: Plan
  let engine: Engine
  let keys: Ceremony
  before(async () => {
    plan = testPlan(4, 3, { scaleBits: 'widest', roundsPerKey: ROUNDS_PER_KEY })
    engine = await openEngine(plan)
    keys = await ceremony(engine, [RECEIVER])
  })
  after(() => engine.close())

  const p = () => plan.set.primes[0]!
  /** Rounds that all use the pads of `ROUND`. */
  const contextOf = (query: number): RoundContext => ({ ...ROUND, round: ROUND.round + ROUNDS_PER_KEY * query })
  const frameAt = (context: RoundContext) => ({
    plan,
    context,
    keyHash: keys.keyHash,
    shape: shapeOf(plan, context.round),
  })

  /** An update in the victim's name, of zeros: it takes no secret to make, and everyone finds it well-formed. */
  function madeUp(context: RoundContext): Uint8Array {
    const prefix = updatePrefix(frameAt(context), VICTIM)
    const bytes = new Uint8Array(plan.bytes.update)
    bytes.set(prefix)
    checkUpdate(engine, bytes, { context, sender: VICTIM, keyHash: keys.keyHash })
    return bytes
  }

  const request = (query: number) => {
    const context = contextOf(query)
    return { context, memberKey: keys.memberKeys.get(RECEIVER)!, sender: VICTIM, bytes: madeUp(context) }
  }

  /** An update's two equations modulo the first prime: ρ and the weights of the share are public. */
  async function equationsOf(query: number) {
    const { context, bytes } = request(query)
    const { prefix, ciphertexts, proof } = readUpdate(frameAt(context), VICTIM, bytes)
    const shown = decodeProof(plan, VICTIM, proof)
    const projection = projectionSeed(prefix, ciphertexts, rootOfProof(shown))
    const rho = combinationOf(engine.kernel, plan, projection, shown)
    const seeds = { projection, rho, round: roundSeed(plan.hash, keys.keyHash, context) }
    const [sums] = await engine.exclusive((threads) =>
      sumClaim(engine, threads, seeds, coefficientsIn(ciphertexts, plan.wire.width), {}),
    )
    const view = new DataView(rho.buffer, rho.byteOffset)
    return [0, 2].map((column) => ({
      column,
      sums: sums!,
      rho: Array.from({ length: PROJECTION_ROWS }, (_, row) =>
        view.getBigUint64(8 * (PROJECTION_ROWS * column + row), true),
      ),
    }))
  }

  /** κ, not all zero, with Σ κ_e·rows_e = 0 modulo p. */
  function dependency(rows: readonly (readonly bigint[])[]): bigint[] {
    // Each row with the combination of the given ones that it is.
    const left = rows.map((row, e) => ({ row: [...row], made: rows.map((_, i): bigint => (i === e ? 1n : 0n)) }))
    for (let column = 0; column < PROJECTION_ROWS; column++) {
      const at = left.findIndex(({ row }) => row[column] !== 0n)
      if (at < 0) continue
      const [pivot] = left.splice(at, 1)
      const inverse = inverseMod(pivot!.row[column]!, p())
      for (const other of left) {
        const factor = (other.row[column]! * inverse) % p()
        if (factor === 0n) continue
        const less = (value: bigint, by: bigint) => (((value - factor * by) % p()) + p()) % p()
        for (let k = column; k < PROJECTION_ROWS; k++) other.row[k] = less(other.row[k]!, pivot!.row[k]!)
        other.made = other.made.map((value, i) => less(value, pivot!.made[i]!))
      }
    }
    return left[0]!.made
  }

  it('the attack: some seventy of them under the pads of one round give equations in the share alone', async function () {
    this.timeout(60_000)
    const said: bigint[] = []
    const equations: Awaited<ReturnType<typeof equationsOf>> = []
    for (let query = 0; query < QUERIES; query++) {
      const { scalar } = await checkUpdatePoint(engine, request(query))
      for (const equation of await equationsOf(query)) {
        equations.push(equation)
        const found = new DataView(scalar.buffer, scalar.byteOffset).getBigUint64(8 * equation.column, true)
        // The part of c0 is public: of zeros on the wire, half of what does not travel.
        said.push((found + p() - equation.sums.constants[equation.column]!) % p())
      }
    }
    const kappa = dependency(equations.map(({ rho }) => rho))
    expect(kappa.some((value) => value !== 0n)).to.equal(true)
    const known = said.reduce((sum, value, e) => (sum + kappa[e]! * value) % p(), 0n)
    // The same combination of ⟨Jᵀρ, a·f(α)⟩, of the share that the victim dealt. 4,096 such pairs give all of it.
    const ofShare = withDealt(plan, keys.memberKeys.get(RECEIVER)!, VICTIM, (dealt) =>
      equations.reduce(
        (sum, { sums, column }, e) => (sum + kappa[e]! * weighShare(engine.kernel, sums, dealt)[column]!) % p(),
        0n,
      ),
    )
    expect(known).to.equal(ofShare)
    expect(known).to.not.equal(0n)
  })

  it('one is published of each sender under the pads of a round, and the same one again', async () => {
    const guard = new MemoryOnceGuard()
    const may = (query: number, changed: object = {}) => claimScalar(plan, { ...request(query), guard, ...changed })
    expect(await may(0)).to.equal(true)
    for (let query = 1; query < 5; query++) expect(await may(query)).to.equal(false)
    const other = madeUp(ROUND)
    other[other.length - 1]! ^= 1
    expect(await may(0, { bytes: other }), 'another update of that round').to.equal(false)
    expect(await may(0)).to.equal(true)
    const next = { ...ROUND, round: ROUND.round + 1 }
    expect(await may(0, { context: next, bytes: madeUp(next) }), 'other pads').to.equal(true)
    expect(await may(0, { sender: 2 }), 'pads of another dealer').to.equal(true)
  })
})
