// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort dao`: everything a member of the DAO does about co-owned models.
import process from 'node:process'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { DaoClient, SetupKind, Support } from '../chain/index.ts'
import {
  type ChainOptions,
  chainCommand,
  parseAddress,
  parseCount,
  parseCountFromZero,
  parseWord,
  print,
} from './chain-command.ts'
import { registerDaoCalls } from './dao-calls.ts'
import { type ProposingOptions, printProposal, withClient } from './dao-session.ts'
import { daoStatusText, tokens } from './dao-text.ts'
import { provableDigest } from './manifest-option.ts'
import { interruptible } from './stopping.ts'

type AdoptionOptions = {
  readonly circuit: string
  readonly verifier: string
  readonly cid: string
  readonly transcript?: string
  readonly description?: string
}

type Ballot = { readonly support: Support; readonly reason?: string; readonly pool: readonly string[] }

type StatusOptions = ChainOptions & {
  readonly service?: string
  readonly proposal?: string
  readonly version?: number
  readonly count: number
  readonly skip: number
}

type Waiting = { readonly wait?: boolean; readonly timeout: number }

/** Versions and proposals that fit a screen. */
const STATUS_PAGE = 20
/** Long enough for any vote that somebody watches from a terminal. */
const DEFAULT_WAIT_SECONDS = 900

export function registerDao(program: Command): void {
  const dao = program
    .command('dao')
    .description('release, roll back and deprecate versions of a co-owned model, and bar keepers, by proposal and vote')

  chainCommand(dao, 'status', 'show proposals, versions and voting power, the newest of each')
    .option('--service <name-or-address>', 'only this service')
    .option('--proposal <id>', 'only this proposal; its first digits are enough', parseId)
    .option('--version <number>', 'also show the CID of this version’s model', parseCount)
    .option('--count <n>', 'how many versions and proposals', parseCount, STATUS_PAGE)
    .option('--skip <n>', 'how many of the newest to leave out', parseCountFromZero, 0)
    .action((options: StatusOptions) => status(options))

  chainCommand(dao, 'delegate', 'make your tokens count as votes, for you or for --to')
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

  ofVersion(
    'rollback',
    'propose to deprecate the current version and return to an earlier release',
    'the earlier version',
  )
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

  ofKeeper('ban', 'propose to bar a keeper from a service: it loses its seat and takes no part in decryptions').action(
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

  proposing('propose-model', 'propose to adopt a model from outside: verifier, commitment and release in one')
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

  registerDaoCalls(dao)

  const onProposal = (name: string, description: string) =>
    chainCommand(dao, name, description)
      .argument('<proposal>', 'id of the proposal, or its first digits', parseId)
      .option('--wait', 'wait until it is possible')
      .option('--timeout <seconds>', 'how long to wait', parseCount, DEFAULT_WAIT_SECONDS)

  onProposal('vote', 'vote on a proposal')
    .addOption(
      new Option('--support <choice>', 'your vote').choices(['for', 'against', 'abstain']).makeOptionMandatory(),
    )
    .option('--reason <text>', 'kept in the event')
    .option(
      '--pool <address>',
      'also vote with your shares in this stake pool; repeat it for each pool',
      (text: string, list: readonly string[] = []) => [...list, parseAddress(text)],
      [] as readonly string[],
    )
    .action(async (named: string, options: ChainOptions & Waiting & Ballot) => {
      await withClient(options, async (client) => {
        const id = await client.proposals.find(named)
        await waitIfAsked(client, id, 'active', options)
        const result = await client.proposals.vote(id, options.support, options.reason, options.pool)
        print(options, result, `Voted ${options.support} with ${tokens(result.weight)} votes.`)
      })
    })

  onProposal('queue', 'put a proposal that succeeded into the timelock').action(
    async (named: string, options: ChainOptions & Waiting) => {
      await withClient(options, async (client) => {
        const id = await client.proposals.find(named)
        await waitIfAsked(client, id, 'succeeded', options)
        printProposal(options, await client.proposals.queue(id))
      })
    },
  )

  onProposal('execute', 'execute a queued proposal after the timelock’s delay').action(
    async (named: string, options: ChainOptions & Waiting) => {
      await withClient(options, async (client) => {
        const id = await client.proposals.find(named)
        await waitIfAsked(client, id, 'executable', options)
        printProposal(options, await client.proposals.execute(id))
      })
    },
  )
}

async function status(options: StatusOptions): Promise<void> {
  const { count, skip, version, proposal } = options
  await withClient(options, async (client, signer) => {
    const services = options.service === undefined ? client.services : [client.service(options.service)]
    const found = await Promise.all(
      services.map(async ({ address }) => {
        const { versions, ...service } = await client.serviceStatus(address)
        const page = versions.slice(Math.max(0, versions.length - skip - count), Math.max(0, versions.length - skip))
        const cid = version === undefined ? {} : { cid: await client.versionCid(address, version) }
        return { ...service, versionCount: versions.length, versions: page, ...cid }
      }),
    )
    const shown = {
      ...(signer === undefined ? {} : { account: { address: signer, ...(await client.power(signer)) } }),
      services: found,
      proposalCount: await client.proposals.count(),
      proposals:
        proposal === undefined
          ? await client.proposals.list({ count, skip })
          : [await client.proposals.get(await client.proposals.find(proposal))],
    }
    print(options, shown, daoStatusText(shown))
  })
}

async function waitIfAsked(
  client: DaoClient,
  id: bigint,
  wanted: 'active' | 'succeeded' | 'executable',
  options: Waiting,
): Promise<void> {
  if (options.wait !== true) return
  await interruptible(async (signal) => {
    await client.proposals.waitFor(id, wanted, {
      timeout: options.timeout * 1000,
      signal,
      onState: ({ state }) => process.stderr.write(`proposal is ${state}\n`),
    })
  })
}

function parseId(text: string): string {
  if (!/^(0x[0-9a-fA-F]{1,64}|\d{1,78})$/.test(text)) throw new InvalidArgumentError('a proposal id is a number.')
  return text
}
