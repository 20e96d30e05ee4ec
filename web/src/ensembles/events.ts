// SPDX-License-Identifier: GPL-3.0-or-later
// The log of the EnsembleOracle as the questions of each ensemble, what its members proved, and how its weights moved.
import type { Interface } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'

/** IEnsembleOracleTypes.QuestionStatus */
export const QUESTION_STATUS = ['none', 'open', 'due', 'decided', 'abstained'] as const
export type QuestionStatus = (typeof QUESTION_STATUS)[number]

/** Bits of one member's weight in a word of weights. */
const WEIGHT_BITS = 16n

/** A member's proven output. */
export type ProvenAnswer = {
  readonly member: number
  readonly submitter: string
  readonly version: number
  /** The proof's third public signal. */
  readonly output: bigint
  /** False when its margin was below the member's least: proven, but without a vote. */
  readonly cast: boolean
  readonly block: number
  readonly transactionHash: string
}

export type AskedQuestion = {
  readonly questionId: bigint
  readonly ensembleId: bigint
  readonly asker: string
  readonly inputCommitment: string
  /** Unix seconds. */
  readonly deadline: number
  /** The question that this one was opened for; 0 when it was asked by itself. */
  readonly parent: bigint
  /** Wei for each answer. */
  readonly share: bigint
  readonly block: number
  readonly transactionHash: string
  readonly answers: ProvenAnswer[]
  closed: {
    readonly status: QuestionStatus
    readonly value: bigint
    /** Weight behind the value, and all that was cast, in one unit. */
    readonly support: bigint
    readonly total: bigint
    readonly transactionHash: string
  } | null
}

export type EnsembleTale = {
  readonly questions: readonly AskedQuestion[]
  /** Weights by member after each question that moved them, by ensemble. */
  readonly weights: ReadonlyMap<bigint, readonly { readonly questionId: bigint; readonly weights: readonly number[] }[]>
  /** Who founded each ensemble. */
  readonly founders: ReadonlyMap<bigint, string>
}

/** Tells what the oracle logged. Logs of other kinds are left out. */
export function tellEnsembles(
  logs: readonly StoredLog[],
  abi: Interface = contractInterface('EnsembleOracle'),
): EnsembleTale {
  const questions = new Map<bigint, AskedQuestion>()
  const weights = new Map<bigint, { questionId: bigint; weights: number[] }[]>()
  const founders = new Map<bigint, string>()
  const members = new Map<bigint, number>()
  for (const log of logs) {
    const event = readLog(abi, log)
    if (event === null) continue
    const { name, args } = event
    const { block, transactionHash } = log
    switch (name) {
      case 'EnsembleCreated':
        founders.set(args.ensembleId, args.creator)
        members.set(args.ensembleId, args.members.length)
        break
      case 'QuestionAsked': {
        const { questionId, ensembleId, asker, inputCommitment, deadline, parent, share } = args
        questions.set(questionId, {
          ...{ questionId, ensembleId, asker, inputCommitment, deadline: Number(deadline), parent, share },
          ...{ block, transactionHash, answers: [], closed: null },
        })
        break
      }
      case 'MemberAnswered':
        questions.get(args.questionId)?.answers.push({
          ...{ member: Number(args.member), submitter: args.submitter, version: Number(args.version) },
          ...{ output: args.output, cast: args.cast, block, transactionHash },
        })
        break
      case 'QuestionClosed': {
        const question = questions.get(args.questionId)
        const { value, support, total } = args
        const status = QUESTION_STATUS[Number(args.status)] ?? 'none'
        if (question !== undefined) question.closed = { status, value, support, total, transactionHash }
        break
      }
      case 'WeightsMoved': {
        const count = members.get(args.ensembleId) ?? 0
        const known = weights.get(args.ensembleId) ?? []
        known.push({ questionId: args.questionId, weights: weightsIn(args.weights, count) })
        weights.set(args.ensembleId, known)
        break
      }
    }
  }
  return { questions: [...questions.values()], weights, founders }
}

/** The weights in a word of the oracle, 16 bits a member, member 0 lowest. */
function weightsIn(word: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    Number((word >> (BigInt(i) * WEIGHT_BITS)) & ((1n << WEIGHT_BITS) - 1n)),
  )
}
