// SPDX-License-Identifier: GPL-3.0-or-later
// The actions of `cohort identity` that read or change the chain.
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import type { Signer } from 'ethers'
import {
  countriesText,
  countrySet,
  deployGate,
  deployLists,
  documentKey,
  GateClient,
  identityInputs,
  ListClient,
  nullifierOf,
  readCapture,
  readCredential,
  readPassProof,
  readWallet,
  writePassProof,
} from '../apps/identity/index.ts'
import { openSource, SourceProver } from '../zkml/index.ts'
import { type ChainOptions, print, withChain, withEndpoint } from './chain-command.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { hex, programOf } from './identity-files.ts'
import { interruptible } from './stopping.ts'
import { emit } from './zkml/terminal.ts'

/** Options of commands that must talk to a chain that the user names, and to no other. */
type Pinned = ChainOptions & { readonly chain?: number }
type ListOptions = Pinned & { readonly lists: string }
type ValueOptions = ListOptions & {
  readonly list: number
  readonly value?: bigint
  readonly document?: string
  readonly country?: number
}
type GateOptions = Pinned & { readonly gate: string }
type AccountOptions = GateOptions & { readonly for: string }

export async function deployListsOf(folder: string, options: ChainOptions): Promise<void> {
  const { circuitId } = await openSource(folder)
  await withChain(options, async ({ deployment, signer }) => {
    const address = await deployLists(needed(signer), deployment.contracts.VerifierRegistry, circuitId)
    print(options, { address, circuitId }, `Registry of lists ${address}.`)
  })
}

export async function openList(options: ListOptions & { readonly name: string }): Promise<void> {
  await withEndpoint(options, options.chain, async ({ provider, signer }) => {
    const made = await new ListClient(options.lists, provider, needed(signer)).open(options.name)
    print(options, made, `List ${made.listId}: ${options.name}.`)
  })
}

export async function changeList(folder: string, change: 'add' | 'remove', options: ValueOptions): Promise<void> {
  const value = chosenValue(options)
  await withEndpoint(options, options.chain, async ({ provider, signer }) => {
    const client = new ListClient(options.lists, provider, needed(signer))
    await proving(folder, async (prover, signal) => {
      const sent = await client[change](options.list, value, prover, { signal })
      const text = change === 'add' ? 'added to' : 'removed from'
      print(options, { ...sent, value: hex(value) }, `${hex(value)} ${text} list ${options.list}, ${sent.gasUsed} gas.`)
    })
  })
}

export async function checkList(options: ValueOptions): Promise<void> {
  const value = chosenValue(options)
  await withEndpoint(options, options.chain, async ({ provider }) => {
    const { list, name } = await new ListClient(options.lists, provider).read(options.list)
    const listed = list.has(value)
    print(
      options,
      { value: hex(value), list: options.list, listed, size: list.size },
      `${listed ? 'In' : 'Not in'} list ${options.list} (${name}, ${list.size} values).`,
    )
    if (listed) throw new CommandError(`${hex(value)} is in list ${options.list}`, EXIT.failure)
  })
}

export async function deployGateOf(
  folder: string,
  options: ListOptions & {
    readonly sanctions: number
    readonly admin?: string
    readonly minAge: number
    readonly countries?: readonly string[]
    readonly except?: readonly string[]
    readonly passDays: number
    readonly rootSeconds: number
    readonly challengeBlocks: number
  },
): Promise<void> {
  const set = countriesOf(options)
  const { circuitId } = await openSource(folder)
  const { minAge, passDays, rootSeconds, challengeBlocks, sanctions: sanctionsList } = options
  const policy = { minAge, passDays, rootSeconds, challengeBlocks, sanctionsList }
  await withChain(options, async ({ deployment, signer }) => {
    const { VerifierRegistry: verifiers, PublisherRegistry: publishers, TimelockController } = deployment.contracts
    const admin = options.admin ?? TimelockController
    const addresses = { verifiers, publishers, lists: options.lists, admin }
    const address = await deployGate(needed(signer), addresses, circuitId, { ...policy, countries: set })
    print(options, { address, admin, circuitId }, `Gate ${address}; ${admin} sets its policy and issuers.`)
  })
}

export async function accept(
  options: GateOptions & { readonly issuer: number; readonly revocations: number; readonly withdraw?: boolean },
): Promise<void> {
  await withEndpoint(options, options.chain, async ({ provider, signer }) => {
    const client = new GateClient(options.gate, provider, needed(signer))
    const accepted = options.withdraw !== true
    const sent = await client.setIssuer(options.issuer, accepted, options.revocations)
    print(
      options,
      { ...sent, issuer: options.issuer, accepted },
      `Issuer ${options.issuer} ${accepted ? 'accepted' : 'withdrawn'}.`,
    )
  })
}

export async function challenge(options: AccountOptions): Promise<void> {
  await withEndpoint(options, options.chain, async ({ provider }) => {
    const made = await new GateClient(options.gate, provider).challenge(options.for)
    const context = String(made.context)
    print(options, { context, block: made.challengeBlock }, `context ${context}\nblock   ${made.challengeBlock}`)
  })
}

export async function pass(
  folder: string,
  options: AccountOptions & {
    readonly wallet: string
    readonly credential: string
    readonly capture: string
    readonly block: number
    readonly issuer: number
    readonly keyId: number
    readonly model?: string
    readonly out?: string
    readonly chain: number
    readonly minAge: number
    readonly countries?: readonly string[]
    readonly except?: readonly string[]
    readonly passDays: number
  },
): Promise<void> {
  const expected = {
    chainId: BigInt(options.chain),
    minAge: options.minAge,
    countries: countriesOf(options),
    passDays: options.passDays,
  }
  const read = async <T>(file: string, parse: (text: string, name: string) => T) =>
    parse(await readFile(file, 'utf8'), file)
  const secret = await read(options.wallet, readWallet)
  const credential = await read(options.credential, readCredential)
  const capture = await read(options.capture, readCapture)
  const program = await programOf(options.model)
  await withEndpoint(options, options.chain, async ({ provider, signer }) => {
    if (options.out === undefined) needed(signer)
    // Each endpoint of --rpc is a witness, too.
    const client = new GateClient(options.gate, provider, signer, provider)
    const context = await client.contextAt(options.for, options.block)
    const { day, policy, chainId, ...question } = await client.question(context, expected)
    process.stderr.write(
      `  chain ${chainId}, gate ${options.gate}, application ${hex(question.application)}\n` +
        `  proves: ${policy.minAge} years or more, of ${countriesText(policy.countries)}, not on list ${policy.sanctionsList}, ` +
        `credential good for ${policy.passDays} more days\n`,
    )
    const { sanctions, revocations } = await client.lists(options.issuer)
    const lists = { sanctions: sanctions.list, revocations: revocations.list }
    const inputs = identityInputs({ program, secret, credential, capture, question, ...lists })
    await proving(folder, async (prover, signal) => {
      const { proof } = await prover.prove(inputs, { signal })
      const nullifier = nullifierOf(secret, question.application)
      const roots = { sanctionsRoot: sanctions.list.root, revocationsRoot: revocations.list.root }
      const statement = {
        issuerId: options.issuer,
        keyId: options.keyId,
        challengeBlock: options.block,
        day,
        ...roots,
        nullifier,
      }
      if (options.out !== undefined) {
        await emit(writePassProof({ statement, proof }), options.out)
        return print(options, { proof: options.out }, `${options.out}: bring it with cohort identity bring`)
      }
      const sent = await client.pass(options.for, statement, proof)
      const { until } = await client.passOf(options.for)
      print(options, { ...sent, until }, `${options.for} has a pass until ${dateText(until)}, ${sent.gasUsed} gas.`)
    })
  })
}

export async function bring(file: string, options: AccountOptions): Promise<void> {
  const { statement, proof } = readPassProof(await readFile(file, 'utf8'), file)
  await withEndpoint(options, options.chain, async ({ provider, signer }) => {
    const client = new GateClient(options.gate, provider, needed(signer))
    const sent = await client.pass(options.for, statement, proof)
    const { until } = await client.passOf(options.for)
    print(options, { ...sent, until }, `${options.for} has a pass until ${dateText(until)}, ${sent.gasUsed} gas.`)
  })
}

export async function show(options: AccountOptions): Promise<void> {
  await withEndpoint(options, options.chain, async ({ provider }) => {
    const found = await new GateClient(options.gate, provider).passOf(options.for)
    const text =
      found.until === 0 ? 'never passed' : `${found.passed ? 'passed' : 'had a pass'} until ${dateText(found.until)}`
    print(options, found, `${options.for} ${text}.`)
    if (!found.passed) throw new CommandError(`${options.for} has no pass`, EXIT.failure)
  })
}

async function proving(
  folder: string,
  body: (prover: SourceProver, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await interruptible(async (signal) => {
    const prover = await SourceProver.open(folder, { signal })
    try {
      await body(prover, signal)
    } finally {
      await prover.close()
    }
  })
}

function countriesOf({
  countries,
  except,
}: {
  readonly countries?: readonly string[]
  readonly except?: readonly string[]
}) {
  if ((countries === undefined) === (except === undefined)) throw new UsageError('give one of --countries and --except')
  const codes = (countries ?? except)!.map((text) => (/^\d{1,3}$/.test(text) ? Number(text) : Number.NaN))
  return countrySet(codes, except !== undefined)
}

function chosenValue({ value, document, country }: ValueOptions): bigint {
  if (value !== undefined && document === undefined) return value
  if (value === undefined && document !== undefined && country !== undefined) return documentKey(country, document)
  throw new UsageError('say --value, or a document: --document and --country')
}

function needed(signer: Signer | undefined): Signer {
  if (signer === undefined) throw new UsageError('this needs an account: --keystore or --account')
  return signer
}

function dateText(seconds: number): string {
  return new Date(1000 * seconds).toISOString()
}
