// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort dao`: proposals of any call and of parameters, and deploying the verifier that a proposal names.
import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import type { CallText, ServiceTerms } from '../chain/index.ts'
import { type ChainOptions, chainCommand, print, withChain } from './chain-command.ts'
import { type ProposingOptions, printProposal, withClient } from './dao-session.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'

const calls = z
  .array(z.strictObject({ target: z.string().min(1), call: z.string().min(1), args: z.array(z.unknown()).default([]) }))
  .min(1)

/** Parameters that are amounts of tokens, which users type in whole tokens. */
const AMOUNTS: ReadonlySet<string> = new Set(['bond', 'rewardPerRound', 'keyPenalty', 'decryptPenalty', 'fraudPenalty'])
/** Parameters that are not numbers. */
const WORDS: ReadonlySet<string> = new Set(['strategy', 'admission', 'manifest'])
/** Parameters that are true or false. */
const SWITCHES: ReadonlySet<string> = new Set(['oneEpochSeats'])

const EXAMPLES = `
Examples:
  cohort dao propose-call ModelRegistry release 0x5FbD…0aa3 4 --account 0
  cohort dao propose-call 0x5FbD…0aa3 'sweep(address,uint256)' 0x70f9…9C8 1000 --account 0
  cohort dao propose-call --file calls.json --description 'Two things at once' --account 0
`

export function registerDaoCalls(dao: Command): void {
  chainCommand(dao, 'propose-call', 'propose any calls of the timelock: one as arguments, several from a file')
    .argument('[target]', 'a contract of the deployment, a service’s name, or an address')
    .argument('[function]', 'the function’s name, its whole signature, or calldata 0x…')
    .argument('[args...]', 'the arguments as text; arrays and structs as JSON')
    .option('--file <file>', 'JSON: [{ "target": …, "call": …, "args": […] }, …], all or none')
    .option('--description <text>', 'what voters read')
    .option('--quiet', 'print only the id of the proposal')
    .addHelpText('after', EXAMPLES)
    .action(proposeCall)

  chainCommand(dao, 'propose-parameters', 'propose other parameters for a service, from its next epoch on')
    .argument(
      '<name=value...>',
      'windows in seconds, amounts in whole tokens: trainingWindow=600 bond=50',
      parseSetting,
      [],
    )
    .option('--service <name-or-address>', 'the service (default: the only one)', '')
    .option('--description <text>', 'what voters read')
    .option('--quiet', 'print only the id of the proposal')
    .action(
      async (
        settings: readonly (readonly [string, string])[],
        options: ProposingOptions & { service: string; description?: string },
      ) => {
        const changes = await termsOf(settings)
        await withClient(options, async (client) => {
          printProposal(options, await client.proposeParameters(options.service, changes, options.description))
        })
      },
    )

  chainCommand(dao, 'parameters', 'a service’s parameters, in force and for its next epoch')
    .option('--service <name-or-address>', 'the service (default: the only one)', '')
    .action(async (options: ChainOptions & { service: string }) => {
      const { formatEther } = await import('ethers')
      await withClient(options, async (client) => {
        const { current, next } = await client.serviceTerms(options.service)
        const shown = (name: string, value: ServiceTerms[string]): string =>
          AMOUNTS.has(name) ? formatEther(BigInt(value)) : String(value)
        const lines = Object.entries(current).map(([name, value]) => {
          const later = next?.[name]
          const change = later === undefined || later === value ? '' : `  next epoch: ${shown(name, later)}`
          return `${name.padEnd(20)} ${shown(name, value)}${change}`
        })
        print(options, { current, next }, lines.join('\n'))
      })
    })

  chainCommand(dao, 'deploy-verifier', 'compile and deploy the verifier of a circuit’s key')
    .argument('<folder>', 'a circuit with its key (`cohort zkml setup`, or a ceremony)')
    .option('--subject <text>', 'subject of the circuit, in the contract’s title')
    .action(deployVerifierOf)
}

async function proposeCall(
  target: string | undefined,
  call: string | undefined,
  args: readonly string[],
  options: ProposingOptions & { file?: string; description?: string },
): Promise<void> {
  if ((options.file === undefined) === (target === undefined)) {
    throw new UsageError('give a target, a function and its arguments, or --file')
  }
  const listed = options.file === undefined ? [typed(target!, call, args)] : await callsOf(options.file)
  const description = options.description ?? listed.map((one) => `${one.target}.${one.call}`).join(', ')
  await withClient(options, async (client) => {
    printProposal(options, await client.proposeCalls(listed, description))
  })
}

function typed(target: string, call: string | undefined, args: readonly string[]): CallText {
  if (call === undefined) throw new UsageError(`say which function of ${target}`)
  return { target, call, args: args.map(jsonList) }
}

/** Parses lists such as `[1,2]` and `[["0x…",3]]`. Everything else stays text, so that no number loses digits. */
function jsonList(text: string): unknown {
  if (!text.startsWith('[')) return text
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`${text} is not a JSON list`)
  }
}

async function callsOf(file: string): Promise<readonly CallText[]> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(`cannot read ${file}: ${cause.code}`, EXIT.noInput)
  })
  const { parseJson } = await import('../learning/index.ts')
  try {
    return calls.parse(parseJson(text))
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll('\n', ' ') : (cause as Error).message
    throw new CommandError(`${file} is not a list of calls: ${reason}`, EXIT.data)
  }
}

function parseSetting(text: string, before: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('name=value is needed.')
  return [...before, [text.slice(0, at), text.slice(at + 1)]]
}

async function termsOf(settings: readonly (readonly [string, string])[]): Promise<ServiceTerms> {
  const { parseEther } = await import('ethers')
  return Object.fromEntries(
    settings.map(([name, text]) => {
      if (WORDS.has(name)) return [name, text]
      if (SWITCHES.has(name)) {
        if (text !== 'true' && text !== 'false') throw new UsageError(`${name}=${text}: true or false is needed`)
        return [name, text === 'true']
      }
      const amount = AMOUNTS.has(name)
      if (!(amount ? /^\d+(\.\d{1,18})?$/ : /^\d{1,10}$/).test(text)) {
        throw new UsageError(`${name}=${text}: ${amount ? 'an amount of tokens' : 'a whole number'} is needed`)
      }
      return [name, amount ? parseEther(text) : Number(text)]
    }),
  )
}

async function deployVerifierOf(folder: string, options: ChainOptions & { readonly subject?: string }): Promise<void> {
  const { deployVerifier } = await import('../serving/index.ts')
  await withChain(options, async ({ signer }) => {
    if (signer === undefined) throw new UsageError('this needs an account: --keystore or --account')
    const made = await deployVerifier(folder, signer, options.subject)
    print(
      options,
      made,
      [
        `${made.address}: ${made.codeBytes} bytes, key ${made.vkHash}; next, or \`propose-model\`:`,
        `  cohort dao propose-verifier --circuit ${made.circuitId} --verifier ${made.address} --vk-hash ${made.vkHash} --setup ${made.setup}`,
      ].join('\n'),
    )
  })
}
