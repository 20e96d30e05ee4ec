// SPDX-License-Identifier: GPL-3.0-or-later
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonRpcProvider } from 'ethers'
import { convictionsOf } from '../../keepers/agent/index.ts'
import type { DaoClient, DeploymentFile } from '../../keepers/chain/index.ts'
import { deployVerifier } from '../../keepers/serving/index.ts'
import { encodeManifest, manifestDigest } from '../../keepers/versions/index.ts'
import { openFolder } from '../../keepers/zkml/index.ts'
import { accountKey, accountSigner } from './accounts.ts'
import { prepareCircuits, prepareGuardCircuit } from './circuit.ts'
import { ACCOUNT, deploy, fundRewards } from './deployment.ts'
import { Federation, scrapeBytes } from './federation.ts'
import { gatherDao, passByVote, proposeGuardian } from './governance.ts'
import { proveOneInference } from './inference.ts'
import { type KeeperNode, prepareKeepers, startKeeper, startSpoiler } from './keeper-nodes.ts'
import { readLedger } from './ledger.ts'
import { LiveTable } from './live-table.ts'
import { startLocalChain } from './local-chain.ts'
import { proposeReader, settleMarket } from './market.ts'
import type { DemoOptions } from './options.ts'
import { freePort } from './ports.ts'
import { Processes } from './processes.ts'
import type { DemoReport } from './report.ts'
import { figureOf } from './rows.ts'
import { pageTerms, publishAddresses, serveConsole, servingText, USUAL_PORT, writeToken } from './serving.ts'
import { subjectOf } from './subject.ts'
import { adoptGuardModel, leaveUses } from './uses.ts'

/** Whole tokens that each keeper stakes. */
const STAKE = '1000'
/**
 * Keepers that stay when the rounds are done and nobody waits for another: the accepted models stay available, and the machine is free
 * for the proof.
 */
const KEEPERS_FOR_A_PROOF = 2

/**
 * Runs the demo and ends every process it started. `onReport` is called as soon as there is a report, before `--serve` waits.
 */
export async function runDemo(
  options: DemoOptions,
  folder: string,
  interrupt: AbortSignal,
  onReport: (report: DemoReport) => Promise<void>,
): Promise<DemoReport> {
  const broken = new AbortController()
  const signal = AbortSignal.any([interrupt, broken.signal])
  const onFailure = (message: string): void => broken.abort(new Error(message))
  const watch = stopwatch()
  await using processes = new Processes(folder)
  let federation: Federation | null = null
  const screen = new LiveTable(() => federation?.table() ?? '')
  const say = (text: string): void => screen.log(text)

  say(`Everything the demo writes is in ${folder}`)
  const { url, provider, inclusionSeconds } = await startLocalChain(processes, {
    port: options.port ?? (options.serve ? USUAL_PORT : undefined),
    client: options.client,
    blockSeconds: options['block-time'],
  })
  watch.lap('chain')
  const subject = await subjectOf(options, folder, say)
  const { manifest } = subject
  const manifestFile = join(folder, 'manifest.json')
  await writeFile(manifestFile, encodeManifest(manifest))
  say(`Local chain on ${url}; deploying with \`hardhat deploy\``)
  const deployment = await deploy(
    url,
    folder,
    options.keepers,
    { name: subject.title, manifest: manifestDigest(manifest) },
    { open: options.serve, inclusionSeconds, voteSeconds: options['vote-seconds'] },
    () => undefined,
  )
  const service = deployment.services[0]!
  await fundRewards(provider, deployment)
  watch.lap('deploy')
  say(`Deployed ${Object.keys(deployment.contracts).length} contracts; every role is with the timelock`)

  // Beside the rounds: its process is busy with one core for a while, the first time.
  const circuits = prepareCircuits(processes, { file: manifestFile, content: manifest })
  circuits.catch((error: Error) => broken.abort(error))
  const [gatewayPort, webPort] = [await freePort(), options['web-port'] ?? (await freePort())]
  const token = options.serve ? await writeToken(folder) : null
  // The DAO decides beside the rounds what does not depend on them.
  const members = await gatherDao(provider, deployment)
  const guardModel = options.serve
    ? prepareGuardCircuit(processes).then(
        async ({ folder: judge }) => await adoptGuardModel({ provider, folder: judge }, members, say),
      )
    : null
  guardModel?.catch((error: Error) => broken.abort(error))
  const nodes = await prepareKeepers({
    folder,
    rpc: [url],
    chainId: deployment.chainId,
    fromBlock: deployment.fromBlock,
    service: service.address,
    ownerKeys: Array.from({ length: options.keepers }, (_, index) => accountKey(ACCOUNT.firstOwner + index)),
    stake: STAKE,
    manifest,
    ...(subject.start === undefined ? {} : { start: subject.start }),
    values: (index, count) => ({
      ...subject.values(index, count),
      // One of them is enough: all hold the same weights.
      'data.reportTest': index === 0,
      'training.seed': options.seed + index,
      // The console's page gets manifest and models from it, and its monitoring.
      ...(token !== null && index === 0
        ? { 'network.gateway': { port: gatewayPort }, 'monitoring.page': pageTerms(webPort, token) }
        : {}),
    }),
  })
  const honest = nodes.slice(0, nodes.length - options.spoilers)
  const spoilers = nodes.slice(honest.length)
  const board = new Federation(honest, (share) => figureOf(manifest, share))
  federation = board
  board.onRound = ({ round, testAccuracy, holdOutAccuracy, seconds }) =>
    say(
      `Round ${round}: ${testAccuracy === null ? `${figureOf(manifest, holdOutAccuracy)} on the keepers' own hold-outs` : `${figureOf(manifest, testAccuracy)} on the test set`}, ${seconds.toFixed(1)} s`,
    )
  for (const node of honest) startKeeper(processes, node, { onLine: (line) => board.hear(node, line), onFailure })
  for (const node of spoilers) startSpoiler(processes, node)
  watch.lap('register')
  say(`${nodes.length} keepers registered, staked and seated; their first step is a key that nobody holds`)
  screen.start()
  try {
    await board.completed(options.rounds, signal)
  } finally {
    screen.stop()
  }
  watch.lap('rounds')
  say(board.announcement)
  const bytes = await scrapeBytes(honest)
  const convicted = await convictedAmong(nodes, provider, deployment)
  for (const { name, reason, taken } of convicted)
    say(`${name} was convicted by the members (${reason}) and paid ${taken} COH`)
  const staying = options.serve ? (options['serve-keepers'] ?? nodes.length) : KEEPERS_FOR_A_PROOF
  await Promise.all(nodes.slice(staying).map(({ name }) => processes.stop(name)))

  const { model, reader } = await circuits
  const { folder: circuitFolder, cached } = model
  const { manifest: circuit } = await openFolder(circuitFolder)
  watch.lap('circuit')
  say(
    `Circuit of ${circuit.constraints.toLocaleString('en-US')} constraints ${cached ? 'from the cache' : 'compiled and set up'}`,
  )
  // Its voters and the deployer are the accounts that act now.
  const judge = await guardModel
  const verifier = await deployVerifier(
    circuitFolder,
    accountSigner(provider, ACCOUNT.deployer),
    `the demo’s model, ${manifest.name}`,
  )
  const version = Number(board.results[options.rounds - 1]!.version)
  const terms = {
    circuitId: circuit.circuitId,
    verifier: verifier.address,
    vkHash: verifier.vkHash,
    setup: 'local' as const,
  }
  const readerVerifier = await deployVerifier(reader.folder, accountSigner(provider, ACCOUNT.deployer))
  const adopted = { folder: reader.folder, verifier: readerVerifier }
  let readerVersion = 0
  const proposals = await passByVote(
    members,
    [
      (proposer) => proposer.proposeVerifier(terms),
      (proposer) => proposer.proposeRelease(service.address, version),
      async (proposer) => {
        const proposal = await proposeReader(proposer, adopted)
        readerVersion = proposal.version
        return proposal
      },
      ...(options.serve ? [async (proposer: DaoClient) => await proposeGuardian(proposer, provider)] : []),
    ],
    say,
  )
  watch.lap('release')
  const inference = await proveOneInference({
    provider,
    deployment,
    folder,
    circuit: circuitFolder,
    vkHash: verifier.vkHash,
    asked: await subject.asked(),
    signal,
  })
  watch.lap('inference')
  const market = await settleMarket({ provider, deployment, reader: adopted, version: readerVersion, signal, say })
  watch.lap('market')
  if (judge !== null) {
    const { input } = await subject.asked()
    const { vkHash } = verifier
    const model = { circuit: circuitFolder, vkHash, manifest, version, input }
    await leaveUses({ provider, deployment, folder, ...model, guardModel: judge, say })
    watch.lap('uses')
  }

  const report: DemoReport = {
    when: new Date().toISOString(),
    keepers: options.keepers,
    spoilers: spoilers.map(({ name }) => name),
    convicted,
    model: manifest.name,
    task: manifest.task,
    data: subject.data ?? board.announcement,
    alpha: options.alpha,
    seconds: watch.read(),
    rounds: board.results.slice(0, options.rounds),
    phases: Object.fromEntries(
      [...board.phases].map(([state, { total, times }]) => [state, { seconds: total / 1000, times }]),
    ),
    gas: Object.fromEntries(board.gas),
    transactions: await readLedger(provider, deployment),
    bytes,
    release: { version, proposals: proposals.map(({ id }) => String(id)) },
    verifier: {
      address: verifier.address,
      constraints: circuit.constraints,
      codeBytes: verifier.codeBytes,
      setup: 'local',
    },
    inference,
    market,
    addresses: { ...deployment.contracts, service: service.address },
  }
  await onReport(report)
  if (token !== null) {
    await publishAddresses(folder)
    const page = await serveConsole({
      ...{ folder, deployment, rpc: url, circuits: [circuitFolder], port: webPort },
      samples: (await subject.published?.()) ?? null,
      gateway: `http://127.0.0.1:${gatewayPort}`,
    })
    const keeper = { url: nodes[0]!.monitoring, token }
    say(servingText({ url, page: page.url, keeper, circuit: circuitFolder, manifest: manifestFile }))
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    await page.stop()
    if (broken.signal.aborted) throw broken.signal.reason
  }
  provider.destroy()
  return report
}

/** The members that have been convicted, by the names of the demo. */
async function convictedAmong(
  nodes: readonly KeeperNode[],
  provider: JsonRpcProvider,
  { services, fromBlock }: DeploymentFile,
): Promise<DemoReport['convicted']> {
  const all = await convictionsOf({ service: services[0]!, chain: { fromBlock } }, provider)
  return all.map(({ keeper, seat, epoch, reason, taken }) => {
    const name = nodes.find(({ owner }) => owner === keeper)?.name ?? keeper
    return { name, seat, epoch, reason, taken }
  })
}

/** Seconds by step. */
function stopwatch() {
  const start = performance.now()
  let last = start
  const steps: Record<string, number> = {}
  return {
    lap(step: string): void {
      const now = performance.now()
      steps[step] = (now - last) / 1000
      last = now
    },
    read: () => ({ total: (performance.now() - start) / 1000, steps }),
  }
}
