// SPDX-License-Identifier: GPL-3.0-or-later
// Actions on the contracts that connect services: deploy them, open and join services, found ensembles, ask, label.
import { ContractFactory, type ContractTransactionResponse, type JsonRpcApiProvider, type Signer } from 'ethers'
import { type ContractName, clients, contractArtifact, contractInterface, decodeRevert } from '../chain/index.ts'
import { NestedError } from './errors.ts'

export type NestedContracts = { readonly tree: string; readonly ensembles: string; readonly labels: string }

const CONTRACTS = ['ServiceTree', 'ServiceEnsemble', 'PseudoLabels', 'InferenceHub'] as const satisfies ContractName[]

/** Rules of an ensemble, in the order of IEnsembleOracle.Rule. */
export const RULES = ['vote', 'margin-vote', 'mean', 'median'] as const
/** In the order of IServiceEnsemble.QuestionStatus. */
export const QUESTION_STATUSES = ['none', 'open', 'decided', 'abstained'] as const

export type EnsembleTerms = {
  readonly rule: (typeof RULES)[number]
  readonly minAnswers: number
  /** Basis points. */
  readonly quorum: number
  readonly majority: number
  readonly range: bigint
  readonly scale: bigint
}

export type LabelTerms = {
  readonly ensembleId: number
  /** Wei. */
  readonly price: bigint
  readonly maxLabels: number
  /** Thousandths. */
  readonly minLead: number
  readonly answerSeconds: number
}

export type QuestionView = {
  readonly questionId: number
  readonly status: (typeof QUESTION_STATUSES)[number]
  readonly ensembleId: number
  /** Null unless decided. */
  readonly value: bigint | null
  readonly lead: number
  readonly answers: number
  readonly refund: bigint
  readonly asked: readonly { readonly service: string; readonly requestId: string; readonly weight: number }[]
}

/** Deploys the three contracts over a deployment's registries. They have no administrator. */
export async function deployNested(
  signer: Signer,
  { models, hub }: { readonly models: string; readonly hub: string },
): Promise<NestedContracts> {
  const made = async (name: 'ServiceTree' | 'ServiceEnsemble' | 'PseudoLabels', on: string): Promise<string> => {
    const { abi, bytecode } = contractArtifact(name)
    const contract = await new ContractFactory(abi as string[], bytecode, signer).deploy(on)
    await contract.waitForDeployment()
    return await contract.getAddress()
  }
  const tree = await made('ServiceTree', models)
  const ensembles = await made('ServiceEnsemble', hub)
  return { tree, ensembles, labels: await made('PseudoLabels', ensembles) }
}

export class NestedClient {
  readonly #runner: Signer
  readonly #provider: JsonRpcApiProvider

  constructor(provider: JsonRpcApiProvider, signer: Signer) {
    this.#provider = provider
    this.#runner = signer
  }

  async open(tree: string, service: string, level: number, hybrid: boolean, others: string): Promise<void> {
    await this.#send('open', clients.tree(tree, this.#runner).open(service, { level, hybrid, others }))
  }

  async invite(tree: string, upper: string, lower: string): Promise<void> {
    await this.#send('invite', clients.tree(tree, this.#runner).invite(upper, lower))
  }

  async uninvite(tree: string, upper: string, lower: string): Promise<void> {
    await this.#send('uninvite', clients.tree(tree, this.#runner).uninvite(upper, lower))
  }

  async appoint(tree: string, upper: string, lower: string, keeper: string): Promise<void> {
    await this.#send('appoint', clients.tree(tree, this.#runner).appoint(upper, lower, keeper))
  }

  async found(ensembles: string, terms: EnsembleTerms): Promise<number> {
    const rule = RULES.indexOf(terms.rule)
    const contract = clients.serviceEnsembles(ensembles, this.#runner)
    const log = await this.#send('found', contract.found({ ...terms, rule }), 'ServiceEnsemble', 'EnsembleFounded')
    return Number(log.ensembleId)
  }

  async join(ensembles: string, id: number, modelId: number, weight: number, minMargin: bigint): Promise<void> {
    await this.#send('join', clients.serviceEnsembles(ensembles, this.#runner).join(id, modelId, weight, minMargin))
  }

  async leave(ensembles: string, id: number, service: string): Promise<void> {
    await this.#send('leave', clients.serviceEnsembles(ensembles, this.#runner).leave(id, service))
  }

  /** Asks all members. @param queries one for all members, or one for each in the roster's order @param price wei for all answers */
  async ask(
    ensembles: string,
    id: number,
    queries: readonly { readonly inputCommitment: string; readonly payload: string }[],
    { price, seconds }: { readonly price: bigint; readonly seconds: number },
  ): Promise<number> {
    const contract = clients.serviceEnsembles(ensembles, this.#runner)
    const [, roster] = await contract.rosterOf(id)
    const now = (await this.#provider.getBlock('latest'))!.timestamp
    const sent = contract.ask(id, roster, [...queries], now + seconds, { value: price })
    return Number((await this.#send('ask', sent, 'ServiceEnsemble', 'QuestionAsked')).questionId)
  }

  async close(ensembles: string, questionId: number): Promise<void> {
    await this.#send('close', clients.serviceEnsembles(ensembles, this.#runner).close(questionId))
  }

  async openBook(labels: string, student: string, terms: LabelTerms, budget: bigint): Promise<number> {
    const sent = clients.pseudoLabels(labels, this.#runner).openBook(student, terms, { value: budget })
    return Number((await this.#send('openBook', sent, 'PseudoLabels', 'BookOpened')).bookId)
  }

  async askLabel(
    labels: string,
    bookId: number,
    { inputCommitment, payload }: { readonly inputCommitment: string; readonly payload: string },
  ): Promise<number> {
    const contract = clients.pseudoLabels(labels, this.#runner)
    const { terms } = await contract.bookOf(bookId)
    const ensembles = clients.serviceEnsembles(await contract.ENSEMBLES(), this.#provider)
    const [, roster] = await ensembles.rosterOf(terms.ensembleId)
    const sent = contract.askLabel(bookId, roster, inputCommitment, payload)
    return Number((await this.#send('askLabel', sent, 'PseudoLabels', 'LabelAsked')).questionId)
  }

  /** @returns the label, or null where the ensemble gave none */
  async record(labels: string, questionId: number): Promise<{ readonly label: number; readonly lead: number } | null> {
    const sent = clients.pseudoLabels(labels, this.#runner).record(questionId)
    const said = await this.#send('record', sent, 'PseudoLabels', 'LabelRecorded').catch((error: unknown) => {
      if (error instanceof MissingEvent) return null
      throw error
    })
    return said === null ? null : { label: Number(said.label), lead: Number(said.lead) }
  }

  /** Fetches what an ensembles' or labels' contract owes the sender. @returns wei; 0 where it owes nothing */
  async withdraw(contract: string): Promise<bigint> {
    const account = await this.#runner.getAddress()
    const payments = clients.serviceEnsembles(contract, this.#runner)
    const owed = await payments.balanceOf(account)
    if (owed > 0n) await this.#send('withdraw', payments.withdraw(account, account))
    return owed
  }

  async drain(labels: string, bookId: number): Promise<void> {
    await this.#send('drain', clients.pseudoLabels(labels, this.#runner).drain(bookId))
  }

  /** Sends and waits. @returns the arguments of an event of the transaction. @throws NestedError refused with the contract's reason */
  async #send(
    what: string,
    call: Promise<ContractTransactionResponse>,
    contract?: ContractName,
    event?: string,
  ): Promise<Record<string, unknown>> {
    try {
      const receipt = await (await call).wait()
      if (contract === undefined || event === undefined) return {}
      const iface = contractInterface(contract)
      const found = receipt!.logs.map((log) => iface.parseLog(log)).find((log) => log?.name === event)
      if (found === undefined || found === null) throw new MissingEvent(`${what}: no ${event}`)
      return found.args.toObject()
    } catch (cause) {
      if (cause instanceof MissingEvent) throw cause
      const reason = decodeRevert(cause, CONTRACTS.map(contractInterface), what)
      if (reason === null) throw cause
      throw new NestedError('refused', reason.message, { cause })
    }
  }
}

class MissingEvent extends Error {}

/** @throws NestedError wrong-contract */
export async function readQuestion(
  provider: JsonRpcApiProvider,
  ensembles: string,
  questionId: number,
): Promise<QuestionView> {
  const contract = clients.serviceEnsembles(ensembles, provider)
  const [question, asked] = await Promise.all([contract.getQuestion(questionId), contract.askedOf(questionId)]).catch(
    (cause: unknown) => {
      const reason = decodeRevert(cause, CONTRACTS.map(contractInterface), 'getQuestion')
      throw new NestedError(
        reason === null ? 'wrong-contract' : 'refused',
        reason?.message ?? `no ServiceEnsemble answers at ${ensembles}`,
        { cause },
      )
    },
  )
  const status = QUESTION_STATUSES[Number(question.status)]!
  return {
    ...{ questionId, status, ensembleId: Number(question.ensembleId), lead: Number(question.lead) },
    ...{ answers: Number(question.answers), refund: question.refund },
    value: status === 'decided' ? question.value : null,
    asked: asked.map(({ service, requestId, weight }) => ({ service, requestId, weight: Number(weight) })),
  }
}
