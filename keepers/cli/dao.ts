// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort dao`: everything a member of the DAO does about co-owned models.
import process from 'node:process'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { DaoClient, Proposal, SetupKind, Support } from '../chain/index.ts'
import {
  type ChainOptions,
  chainCommand,
  parseAddress,
  parseCount,
  parseWord,
  print,
  withChain,
} from './chain-command.ts'
import { daoStatusText, proposalText, tokens } from './dao-text.ts'
import { provableDigest } from './manifest-option.ts'

type AdoptionOptions = {
  readonly circuit: string
  readonly verifier: string
  readonly cid: string
  readonly transcript?: string
  readonly description?: string
}

export type ProposingOptions = ChainOptions & { readonly quiet?: boolean }

type Ballot = { readonly support: Support; readonly reason?: string; readonly pool: readonly string[] }

type Waiting = { readonly wait?: boolean; readonly timeout: number }

/** Long enough for any vote that somebody watches from a terminal. */
const DEFAULT_WAIT_SECONDS = 900

export function registerDao(program: Command): void {
  const dao = program
    .command('dao')
    .description('release, roll back and deprecate versions of a co-owned model, and bar keepers, by proposal and vote')

  chainCommand(dao, 'status', 'show proposals, versions and voting power')
    .option('--service <name-or-address>', 'only this service')
    .option('--proposal <id>', 'only this proposal', parseId)
    .action(async (options: ChainOptions & { service?: string; proposal?: bigint }) => {
      await withClient(options, async (client, signer) => {
        const services = options.service === undefined ? client.services : [client.service(options.service)]
        const status = {
          ...(signer === undefined ? {} : { account: { address: signer, ...(await client.power(signer)) } }),
          services: await Promise.all(services.map(({ address }) => client.serviceStatus(address))),
          proposals:
            options.proposal === undefined
              ? await client.proposals.list()
              : [await client.proposals.get(options.proposal)],
        }
        print(options, status, daoStatusText(status))
      })
    })

  chainCommand(dao, 'delegate', 'make your tokens count as votes: yours, or those of --to')
    .option('--to <address>', 'who votes with them (default: you)')
    .action(async (options: ChainOptions & { to?: string }) => {
      await withClient(options, async (client) => {
        const result = await client.delegate(options.to)
        print(options, result, `${result.to} now has the votes delegated to it.`)
      })
    })

  const proposing = (name: string, description: string) =>
    chainCommand(dao, name, description).option('--quiet', 'print only the id of the proposal')

  type OfService = ProposingOptions & { service: string; description?: string }
  const ofVersion = (name: string, description: string, which: string) =>
    proposing(name, description)
      .argument('<version>', which, parseCount)
      .option('--service <name-or-address>', 'the service (default: the only one)', '')

  ofVersion('propose-release', 'propose that consumers use a version', 'the version to release')
    .option('--description <text>', 'what voters read')
    .action(async (version: number, options: OfService) => {
      await withClient(options, async (client) => {
        printProposal(options, await client.proposeRelease(options.service, version, options.description))
      })
    })

  ofVersion('rollback', 'propose to deprecate the current version and return to an earlier release', 'the earlier one')
    .option('--description <text>', 'what voters read')
    .action(async (version: number, options: OfService) => {
      await withClient(options, async (client) => {
        printProposal(options, await client.proposeRollback(options.service, version, options.description))
      })
    })

  ofVersion('deprecate', 'propose to withdraw a version for good', 'the version to withdraw')
    .requiredOption('--reason <text>', 'at most 31 bytes, kept on the chain')
    .action(async (version: number, options: OfService & { reason: string }) => {
      await withClient(options, async (client) => {
        printProposal(options, await client.proposeDeprecation(options.service, version, options.reason))
      })
    })

  const ofKeeper = (name: string, description: string) =>
    proposing(name, description)
      .argument('<keeper>', 'owner address of the keeper')
      .option('--service <name-or-address>', 'the service (default: the only one)', '')
      .option('--description <text>', 'what voters read')

  ofKeeper('ban', 'propose to bar a keeper from a service: no seat, no part in decryptions').action(
    async (keeper: string, options: OfService) => {
      await withClient(options, async (client) => {
        printProposal(options, await client.proposeBan(options.service, keeper, options.description))
      })
    },
  )

  ofKeeper('unban', 'propose to let a banned keeper back into a service').action(
    async (keeper: string, options: OfService) => {
      await withClient(options, async (client) => {
        printProposal(options, await client.proposeUnban(options.service, keeper, options.description))
      })
    },
  )

  proposing('propose-manifest', 'propose another manifest for a service, from its next epoch on')
    .argument('<manifest>', 'a file, or the name of an example')
    .option('--service <name-or-address>', 'the service (default: the only one)', '')
    .option('--description <text>', 'what voters read')
    .action(async (manifest: string, options: OfService) => {
      const digest = await provableDigest(manifest, 'manifest')
      await withClient(options, async (client) => {
        printProposal(options, await client.proposeManifest(options.service, digest, options.description))
      })
    })

  proposing('propose-verifier', 'propose to register the verifier of a circuit')
    .requiredOption('--circuit <id>', 'circuit id, 32 bytes in hexadecimal', parseWord)
    .requiredOption('--verifier <address>', 'the deployed verifier')
    .requiredOption('--vk-hash <hash>', 'hash of its verification key, 32 bytes in hexadecimal', parseWord)
    .addOption(
      new Option('--setup <kind>', 'how the key was made').choices(['local', 'ceremony']).makeOptionMandatory(),
    )
    .option('--transcript <cid>', 'binary CID of the ceremony’s transcript, in hexadecimal')
    .action(
      async (
        options: ProposingOptions & {
          circuit: string
          verifier: string
          vkHash: string
          setup: SetupKind
          transcript?: string
        },
      ) => {
        const { circuit: circuitId, verifier, vkHash, setup, transcript } = options
        await withClient(options, async (client) => {
          const terms = { circuitId, verifier, vkHash, setup }
          const proposal = await client.proposeVerifier(
            transcript === undefined ? terms : { ...terms, transcriptCid: transcript },
          )
          printProposal(options, proposal)
        })
      },
    )

  proposing('propose-model', 'propose to take over a model from outside: verifier, commitment and release in one')
    .requiredOption('--circuit <folder>', 'the model’s circuit, compiled and set up by `cohort zkml`')
    .requiredOption('--verifier <address>', 'the deployed verifier of its key')
    .requiredOption('--cid <cid>', 'binary CID of the model’s files, in hexadecimal')
    .option('--transcript <cid>', 'binary CID of the ceremony’s transcript, in hexadecimal')
    .option('--description <text>', 'what voters read')
    .action(async (options: ProposingOptions & AdoptionOptions) => {
      const { openFolder, readFolderKey } = await import('../zkml/index.ts')
      const folder = await openFolder(options.circuit)
      const { metadata } = await readFolderKey(folder)
      const { circuitId, modelCommitment } = folder.manifest
      const verifier = {
        circuitId,
        verifier: options.verifier,
        vkHash: metadata.vkHash,
        setup: metadata.setup,
        ...(options.transcript === undefined ? {} : { transcriptCid: options.transcript }),
      }
      await withClient(options, async (client) => {
        const { description, cid } = options
        const weightsCommitment = `0x${BigInt(modelCommitment).toString(16).padStart(64, '0')}`
        const terms = { verifier, weightsCommitment, cid, ...(description === undefined ? {} : { description }) }
        printProposal(options, await client.proposeModel(terms))
      })
    })

  const onProposal = (name: string, description: string) =>
    chainCommand(dao, name, description)
      .argument('<proposal>', 'id of the proposal', parseId)
      .option('--wait', 'wait until it is possible')
      .option('--timeout <seconds>', 'how long to wait', parseCount, DEFAULT_WAIT_SECONDS)

  onProposal('vote', 'vote on a proposal')
    .addOption(
      new Option('--support <choice>', 'your vote').choices(['for', 'against', 'abstain']).makeOptionMandatory(),
    )
    .option('--reason <text>', 'kept in the event')
    .option(
      '--pool <address>',
      'a pool of stake whose shares vote for you, too; as often as there are pools',
      (text: string, list: readonly string[] = []) => [...list, parseAddress(text)],
      [] as readonly string[],
    )
    .action(async (id: bigint, options: ChainOptions & Waiting & Ballot) => {
      await withClient(options, async (client) => {
        await waitIfAsked(client, id, 'active', options)
        const result = await client.proposals.vote(id, options.support, options.reason, options.pool)
        print(options, result, `Voted ${options.support} with ${tokens(result.weight)} votes.`)
      })
    })

  onProposal('queue', 'put a proposal that succeeded into the timelock').action(
    async (id: bigint, options: ChainOptions & Waiting) => {
      await withClient(options, async (client) => {
        await waitIfAsked(client, id, 'succeeded', options)
        printProposal(options, await client.proposals.queue(id))
      })
    },
  )

  onProposal('execute', 'execute a queued proposal after the timelock’s delay').action(
    async (id: bigint, options: ChainOptions & Waiting) => {
      await withClient(options, async (client) => {
        await waitIfAsked(client, id, 'executable', options)
        printProposal(options, await client.proposals.execute(id))
      })
    },
  )
}

export async function withClient(
  options: ChainOptions,
  body: (client: DaoClient, signer: string | undefined) => Promise<void>,
): Promise<void> {
  const { DaoClient } = await import('../chain/index.ts')
  await withChain(options, async ({ provider, deployment, signer }) => {
    const client = await DaoClient.connect({ provider, deployment, ...(signer === undefined ? {} : { signer }) })
    await body(client, await signer?.getAddress())
  })
}

async function waitIfAsked(
  client: DaoClient,
  id: bigint,
  wanted: 'active' | 'succeeded' | 'executable',
  options: Waiting,
): Promise<void> {
  if (options.wait !== true) return
  const interrupted = new AbortController()
  const stop = () => interrupted.abort(new Error('interrupted'))
  process.once('SIGINT', stop)
  try {
    await client.proposals.waitFor(id, wanted, {
      timeout: options.timeout * 1000,
      signal: interrupted.signal,
      onState: ({ state }) => process.stderr.write(`proposal is ${state}\n`),
    })
  } finally {
    process.off('SIGINT', stop)
  }
}

export function printProposal(options: ProposingOptions, proposal: Proposal): void {
  print(options, proposal, options.quiet === true ? String(proposal.id) : proposalText(proposal))
}

function parseId(text: string): bigint {
  if (!/^(0x[0-9a-fA-F]{1,64}|\d{1,78})$/.test(text)) throw new InvalidArgumentError('a proposal id is a number.')
  return BigInt(text)
}
