// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort infer`: ask a co-owned model for a proven answer, or give such answers and be paid for them.
import process from 'node:process'
import type { Command } from 'commander'
import type { Signer } from 'ethers'
import type { InferenceHub } from '../../types/index.ts'
import type { Answer, InferenceServer, ModelEntry, RequestView } from '../serving/index.ts'
import type { PlannedModel } from '../versions/index.ts'
import {
  type ChainOptions,
  type ChainSession,
  chainCommand,
  parseCount,
  parseCountFromZero,
  parseWord,
  print,
  withChain,
} from './chain-command.ts'
import { UsageError } from './failure.ts'
import { manifestOf } from './manifest-option.ts'
import { interruptible } from './stopping.ts'

const DEFAULT_SECONDS = 3600

export function registerInfer(program: Command): void {
  const infer = program.command('infer').description('ask a co-owned model for a proven answer, or answer and be paid')

  chainCommand(infer, 'models', 'list the models that can be asked').action((options: ChainOptions) =>
    withHub(options, async ({ hub }) => {
      const { listModels } = await import('../serving/index.ts')
      const models = await listModels(hub)
      print(options, models, modelsText(models))
    }),
  )

  chainCommand(infer, 'offer', 'offer a service’s model through a circuit with a registered verifier')
    .requiredOption('--circuit <folder>', 'compiled and set-up circuit')
    .option(
      '--service <name-or-address>',
      'the service that owns the model (default: the only one; adopted models go by their contract’s address)',
    )
    .option('--pin <version>', 'offer only this version (default: whichever is released)', parseCount)
    .option('--uri <uri>', 'model card')
    .action((options: ChainOptions & OfferOptions) => offer(options))

  chainCommand(infer, 'request', 'post a request with a public input and its price in escrow')
    .requiredOption('--model-id <id>', 'the hub’s id of the model', parseCount)
    .requiredOption('--circuit <folder>', 'the model’s circuit; only its program is read')
    .requiredOption('--input <file>', 'JSON list of numbers, or IDX images with --index')
    .option('--index <n>', 'index of the image in an IDX file, from 0', parseCountFromZero)
    .requiredOption('--price <ether>', 'price for the first valid proof')
    .option('--seconds <n>', 'how long the request stays open', parseCount, DEFAULT_SECONDS)
    .option('--wait', 'wait for the answer')
    .action((options: ChainOptions & RequestOptions) => request(options))

  chainCommand(infer, 'status', 'show the state of a request')
    .argument('<request>', 'its id', parseWord)
    .option('--wait', 'wait for the answer')
    .action((id: string, options: ChainOptions & { wait?: boolean }) =>
      withHub(options, async ({ hub }) => {
        const { readRequest } = await import('../serving/index.ts')
        const view = options.wait === true ? await waiting(hub, id) : await readRequest(hub, id)
        print(options, view, requestText(view))
      }),
    )

  serving(infer, 'answer', 'prove one request and collect its price')
    .argument('<request>', 'its id', parseWord)
    .action((id: string, options: ChainOptions & ServeOptions) =>
      withServer(options, async (server, signal) => {
        const answer = await server.answer(id, signal)
        print(options, answer, answerText(answer))
      }),
    )

  serving(infer, 'serve', 'answer requests as they come, until interrupted')
    .option('--interval <milliseconds>', 'time between looks at the chain', parseCount, 2_000)
    .action((options: ChainOptions & ServeOptions & { interval: number }) => serve(options))

  chainCommand(infer, 'refund', 'take back the price of a request that nobody answered')
    .argument('<request>', 'its id', parseWord)
    .action((id: string, options: ChainOptions) =>
      withHub(options, async (session) => {
        const { refundRequest } = await import('../serving/index.ts')
        await refundRequest(session.hub, id)
        print(options, { requestId: id, refunded: true }, 'Credited; `cohort infer withdraw` sends it.')
      }),
    )

  chainCommand(infer, 'withdraw', 'withdraw your credit at the hub').action((options: ChainOptions) =>
    withHub(options, async ({ hub, signer }) => {
      const { withdrawBalance } = await import('../serving/index.ts')
      const account = await acting(signer).getAddress()
      const amount = await withdrawBalance(hub, account)
      const { formatEther } = await import('ethers')
      print(options, { account, amount }, `${formatEther(amount)} sent to ${account}`)
    }),
  )
}

type OfferOptions = { circuit: string; service?: string; pin?: number; uri?: string }
type RequestOptions = {
  modelId: number
  circuit: string
  input: string
  index?: number
  price: string
  seconds: number
  wait?: boolean
}
type ServeOptions = { circuit: string; manifest?: string; folder: string }

function serving(infer: Command, name: string, description: string): Command {
  return chainCommand(infer, name, description)
    .requiredOption('--circuit <folder>', 'compiled and set-up circuit of the model')
    .option(
      '--manifest <file-or-name>',
      'the service’s manifest, a file or an example’s name (committed mode; default: from the keepers)',
    )
    .option('--folder <path>', 'where fetched blocks are kept', '.cohort/prover')
}

async function offer(options: ChainOptions & OfferOptions): Promise<void> {
  await withHub(options, async ({ deployment, provider, signer }) => {
    const [{ offerModel }, { clients }] = await Promise.all([
      import('../serving/index.ts'),
      import('../chain/index.ts'),
    ])
    const service = serviceOf(deployment.services, options.service)
    const version = BigInt(options.pin ?? 0)
    const models = clients.models(deployment.contracts.ModelRegistry, provider)
    const pinned = version === 0n ? null : await models.getVersion(service, version)
    const modelId = await offerModel({
      signer: acting(signer),
      hub: deployment.contracts.InferenceHub,
      circuit: options.circuit,
      service,
      version,
      ...(pinned === null ? {} : { modelHash: pinned.weightsCommitment }),
      ...(options.uri === undefined ? {} : { uri: options.uri }),
    })
    print(options, { modelId }, `The hub’s id of the model is ${modelId}.`)
  })
}

async function request(options: ChainOptions & RequestOptions): Promise<void> {
  await withHub(options, async ({ hub, deployment, signer }) => {
    const [{ requestInference }, { openFolder }, { readInput }, { parseEther }] = await Promise.all([
      import('../serving/index.ts'),
      import('../zkml/index.ts'),
      import('./zkml/samples.ts'),
      import('ethers'),
    ])
    const price = priceOf(options.price, parseEther)
    const { program } = await openFolder(options.circuit)
    const { input } = await readInput(options.input, options.index)
    const posted = await requestInference({
      signer: acting(signer),
      hub: deployment.contracts.InferenceHub,
      modelId: BigInt(options.modelId),
      program,
      input,
      price,
      seconds: options.seconds,
    })
    if (options.wait !== true) return print(options, posted, `Request ${posted.requestId}`)
    process.stderr.write(`request ${posted.requestId} is open\n`)
    const view = await waiting(hub, posted.requestId)
    print(options, view, requestText(view))
  })
}

async function serve(options: ChainOptions & ServeOptions & { interval: number }): Promise<void> {
  const log = (line: object): void => {
    process.stdout.write(`${JSON.stringify(line, (_key, item) => (typeof item === 'bigint' ? String(item) : item))}\n`)
  }
  await withServer(options, async (server, signal) => {
    const { serveRequests } = await import('../serving/index.ts')
    log({ event: 'serving', circuit: options.circuit })
    await serveRequests(server, {
      signal,
      interval: options.interval,
      onAnswer: (answer) => log({ event: 'answered', ...answer }),
      onFailure: (requestId, { message }) => log({ event: 'failed', requestId, message }),
    })
  })
}

type HubSession = ChainSession & { readonly hub: InferenceHub }

async function withHub(options: ChainOptions, body: (session: HubSession) => Promise<void>): Promise<void> {
  await withChain(options, async (session) => {
    const { clients } = await import('../chain/index.ts')
    const { provider, deployment, signer } = session
    await body({ ...session, hub: clients.hub(deployment.contracts.InferenceHub, signer ?? provider) })
  })
}

/** A prover with its own data plane, both ended whatever happens. Ctrl-C and SIGTERM abort the signal. */
async function withServer(
  options: ChainOptions & ServeOptions,
  body: (server: InferenceServer, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await withHub(options, async ({ provider, deployment, signer }) => {
    await interruptible(
      async (signal) => {
        const { InferenceServer } = await import('../serving/index.ts')
        const { openFolder } = await import('../zkml/index.ts')
        const committed = (await openFolder(options.circuit)).manifest.mode === 'committed'
        const model = options.manifest === undefined ? {} : { model: await modelOf(options.manifest) }
        const plane = committed ? await startPlane(options.folder) : null
        try {
          await using server = await InferenceServer.open({
            provider,
            signer: acting(signer),
            hub: deployment.contracts.InferenceHub,
            models: deployment.contracts.ModelRegistry,
            fromBlock: deployment.fromBlock,
            circuit: options.circuit,
            ...(plane === null ? {} : { weights: { ...model, plane } }),
          })
          await body(server, signal)
        } finally {
          await plane?.stop()
        }
      },
      { parent: true },
    )
  })
}

/** A data plane that only fetches, with a fresh identity on a loopback port. */
async function startPlane(folder: string) {
  const { DataPlane } = await import('../network/index.ts')
  return await DataPlane.start({ folder, identitySeed: crypto.getRandomValues(new Uint8Array(32)) })
}

async function waiting(hub: InferenceHub, id: string): Promise<RequestView> {
  const { waitForAnswer } = await import('../serving/index.ts')
  return await waitForAnswer(hub, id)
}

function acting(signer: Signer | undefined): Signer {
  if (signer !== undefined) return signer
  throw new UsageError('say who acts: --keystore <file>, or --account <index> on a development node')
}

function serviceOf(services: readonly { name: string; address: string }[], wanted: string | undefined): string {
  const found =
    wanted === undefined ? services : services.filter(({ name, address }) => [name, address].includes(wanted))
  if (found.length === 1) return found[0]!.address
  // Services that the DAO created later, and its adopted models, also count; the hub checks.
  if (wanted !== undefined && /^0x[0-9a-fA-F]{40}$/.test(wanted)) return wanted
  const known = services.map(({ name }) => name).join(', ') || 'none'
  throw new UsageError(`--service ${wanted ?? 'is needed'}: the deployment has ${known}`)
}

function priceOf(text: string, parseEther: (ether: string) => bigint): bigint {
  try {
    return parseEther(text)
  } catch {
    throw new UsageError(`--price is '${text}', a decimal number of ether is needed`)
  }
}

async function modelOf(text: string): Promise<PlannedModel> {
  const { openManifest } = await import('../versions/index.ts')
  return await openManifest(await manifestOf(text), text)
}

function modelsText(models: readonly ModelEntry[]): string {
  if (models.length === 0) return 'The hub has no models: `cohort infer offer` adds one.'
  return models
    .map(({ modelId, service, pinned, inForce, deprecated, output }) => {
      const which = pinned === 0n ? 'follows releases' : `pinned to version ${pinned}`
      const now = deprecated ? 'withdrawn' : inForce === null ? 'nothing released' : `version ${inForce} in force`
      return `${modelId}  ${service}  ${which}, ${now}; puts out: ${output}`
    })
    .join('\n')
}

function requestText({ requestId, status, version, output, value, deadline }: RequestView): string {
  const answer = value === null ? `output ${output}` : `value ${value} (output ${output})`
  const result = output === null ? `open until ${new Date(Number(deadline) * 1000).toISOString()}` : answer
  return `${requestId}  ${status}  version ${version}  ${status === 'open' || output !== null ? result : ''}`.trimEnd()
}

function answerText({ requestId, output, proveMs, gasUsed }: Answer): string {
  return `${requestId}  output ${output}, proven in ${(proveMs / 1000).toFixed(2)} s, ${gasUsed} gas`
}
