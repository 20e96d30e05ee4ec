// SPDX-License-Identifier: GPL-3.0-or-later
// An oracle over the hub of hub.ts, with as many models as a test wants, under two circuits.
import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { restored } from '../restored.ts'
import { constantCircuit } from './constant-circuit.ts'
import { createHub, HOUR } from './hub.ts'
import { OUTPUT } from './output-schema.ts'
import { commitment, FIELD_ORDER } from './product-circuit.ts'

/** On this feature, a model of the product circuit says its weight, as one of the constant circuit always does. */
export const ONE = 1n
export const INPUT = commitment(ONE)
export const RULE = { vote: 0, marginVote: 1, mean: 2, median: 3 }
export const DECODING = { label: 0, labelAndMargin: 1, score: 2, ensemble: 3 }
export const STATUS = { none: 0n, open: 1n, due: 2n, decided: 3n, abstained: 4n }
export const KIND = { none: 0n, cast: 1n, abstained: 2n }

/** What the hub says of a member's model, by how the member is read. */
const SCHEMAS = [OUTPUT.label, OUTPUT.labelAndMargin, OUTPUT.score]

type CircuitName = 'product' | 'constant'
/** A model that says `output` of the input ONE. */
export type Model = { readonly id: number; readonly output: bigint; readonly circuit: CircuitName }
export type Seat = { id: bigint | number; decoding: number; weight: number; minMargin: bigint | number }

export const labelled = (label: number, margin: number | bigint): bigint => BigInt(label) + (BigInt(margin) << 16n)
export const signed = (score: bigint): bigint => (score < 0n ? FIELD_ORDER + score : score)

async function deployOracle() {
  const world = await createHub()
  const { ethers, hub, owner, dao, user, prover, verifiers, models, service, keepers, circuit, CID, networkHelpers } =
    world
  const oracle = await ethers.deployContract('EnsembleOracle', [hub])
  const constant = await constantCircuit()
  const verifier = await constant.deployVerifier(dao)
  await verifiers.register(constant.id, await verifier.getAddress(), constant.vkHash, 1, '0x')
  const circuits = { product: circuit, constant }

  /** Publishes a version that says `output`, and offers it pinned; as a label, with its margin where it has one, if not told. */
  const addModel = async (
    output: bigint,
    name: CircuitName = 'product',
    decoding: number = output < 65_536n ? DECODING.label : DECODING.labelAndMargin,
  ): Promise<Model> => {
    const { id: circuitHash, vkHash } = circuits[name]
    await keepers.publish(1, 9, commitment(output), CID, 7)
    const version = await models.versionCount(service)
    await hub
      .connect(owner)
      .registerModel(
        { ...world.described(commitment(output)), circuitHash, vkHash },
        service,
        version,
        SCHEMAS[decoding]!,
      )
    return { id: Number(await hub.modelCount()), output, circuit: name }
  }

  const settings = (changes: object = {}) => ({
    rule: RULE.vote,
    quorum: 5000,
    majority: 0,
    adaptation: 0,
    curator: ethers.ZeroAddress,
    range: 10n,
    tolerance: 0n,
    ...changes,
  })
  const seat = (of: Model | number, changes: Partial<Seat> = {}): Seat => ({
    id: typeof of === 'number' ? of : of.id,
    decoding: DECODING.label,
    weight: 1000,
    minMargin: 0,
    ...changes,
  })
  const nested = (ensembleId: number | bigint, changes: Partial<Seat> = {}) =>
    seat(Number(ensembleId), { decoding: DECODING.ensemble, ...changes })
  const create = async (changes: object, seats: readonly Seat[]): Promise<bigint> => {
    await oracle.createEnsemble(settings(changes), [...seats])
    return await oracle.ensembleCount()
  }

  const soon = async () => (await networkHelpers.time.latest()) + HOUR
  /** Asks and returns the question's id (the last opened are those of nested ensembles). */
  const ask = async (
    ensembleId: bigint,
    options: { value?: bigint; by?: HardhatEthersSigner; input?: string; deadline?: number } = {},
  ): Promise<bigint> => {
    const id = (await oracle.questionCount()) + 1n
    const { value = 0n, by = user, input = INPUT, deadline = await soon() } = options
    await oracle.connect(by).ask(ensembleId, input, deadline, { value })
    return id
  }

  /** A proof that `by` can submit, made by the model, with the version that it is about. */
  const prove = async (question: bigint, member: number, model: Model, by: { address: string } = prover) => {
    const { context, version } = await oracle.statementOf(question, member, by.address)
    const proof =
      model.circuit === 'product'
        ? await circuit.prove(model.output, ONE, context)
        : await constant.prove(model.output, BigInt(INPUT), context)
    return { proof, version }
  }
  const answer = async (question: bigint, member: number, model: Model, by: HardhatEthersSigner = prover) => {
    const { proof, version } = await prove(question, member, model, by)
    return await oracle.connect(by).answer(question, member, INPUT, version, model.output, proof)
  }
  /** Answers for all of the given models, in the order of the ensemble's members. */
  const answerAll = async (question: bigint, given: readonly Model[]) => {
    for (const [member, model] of given.entries()) await answer(question, member, model)
  }
  /** Lets everyone answer, closes, and says what was decided. */
  const settle = async (question: bigint, given: readonly Model[]) => {
    await answerAll(question, given)
    await oracle.close(question)
    return await oracle.resultOf(question)
  }
  const pastDeadline = async (question: bigint) => {
    const { deadline } = await oracle.getQuestion(question)
    await networkHelpers.time.increaseTo(deadline + 1n)
  }
  return {
    ...{ ...world, oracle, addModel, settings, seat, nested, create, soon },
    ...{ ask, prove, answer, answerAll, settle, pastDeadline },
  }
}

export const createOracle = restored(deployOracle)

export type Oracle = Awaited<ReturnType<typeof createOracle>>
