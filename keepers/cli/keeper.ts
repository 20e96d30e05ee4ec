// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort keeper`: make, register, run and look after one keeper.
import { resolve } from 'node:path'
import process from 'node:process'
import { type Command, Option } from 'commander'
import type { ServiceManifest } from '../versions/index.ts'
import { parseAddress } from './chain-command.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { registerKeeperKeys } from './keeper-keys.ts'
import { add, addOwner, type Common, integer, type OwnerOptions, print, withOwner } from './keeper-options.ts'
import { manifestOf } from './manifest-option.ts'
import { untilStopped } from './stopping.ts'

/** The values of `keys.remote.api` in the config. */
const SIGNER_KINDS = ['clef', 'web3signer', 'json-rpc'] as const

/** Adds `cohort keeper` and its subcommands. */
export function registerKeeper(program: Command): void {
  const keeper = program
    .command('keeper')
    .description('run a node that trains, encrypts, decrypts and votes with others')

  add(keeper, 'init', 'make a data folder: config, operator keystore, encryption key, peer identity')
    .option('--deployment <file>', 'addresses, as `npx hardhat deploy` wrote them: service, chain id, first block')
    .option(
      '--service <address>',
      'the learning service to join (default: the only one of the deployment)',
      parseAddress,
    )
    .option('--chain-id <number>', 'chain id of the network', integer)
    .requiredOption('--rpc <url...>', 'JSON-RPC endpoints, the preferred one first')
    .option('--from-block <number>', 'block in which the service was deployed', integer)
    .option(
      '--manifest <file-or-name>',
      'the service’s manifest, a file or an example’s name (default: fetched from the keepers by its digest on the chain)',
    )
    .option(
      '--weights <file>',
      'the first weights that the manifest names (default: fetched from the keepers by their CID)',
    )
    .option(
      '--strategy <file>',
      'the strategy module that the manifest names, if any (default: fetched from the keepers by its hash)',
    )
    .option(
      '--samples <path>',
      'your samples: a CSV file, a file of arrays, a folder of IDX files or of pictures by class; or none (default: digits, where the service is about them)',
    )
    .option('--listen <multiaddr>', 'address to listen on', '/ip4/127.0.0.1/tcp/4001')
    .option('--remote-signer <url>', 'a signer that has the operator’s key, in place of a keystore in the folder')
    .option('--operator <address>', 'the account that the remote signer signs for', parseAddress)
    .addOption(
      new Option('--signer-api <kind>', 'the protocol of --remote-signer').choices([...SIGNER_KINDS]).default('clef'),
    )
    .option('--set <key=value...>', 'any other config value, e.g. training.epochs=2', [])
    .action(async (options: Common & InitFlags) => initCommand(options))

  add(keeper, 'manifest', 'replace the manifest in the data folder by the service’s present one')
    .option(
      '--manifest <file-or-name>',
      'a copy that you have (default: fetched from the keepers by its digest on the chain)',
    )
    .action(async (options: Common & { manifest?: string }) => {
      const { loadConfig, renewManifest } = await import('../agent/index.ts')
      const config = loadConfig(options.data)
      const given = options.manifest === undefined ? undefined : await manifestOf(options.manifest)
      const renewed = await renewManifest(config, given)
      print(options, { manifest: config.service.manifestFile, renewed })
    })

  addOwner(
    keeper,
    'register',
    'register the keeper, stake, fund its operator, take a seat or, where members are drawn, become a candidate (owner key)',
  )
    .option('--stake <tokens>', 'tokens to stake', '100')
    .option('--fund <ether>', 'ether for the operator to pay gas with, when it has less', '0')
    .action(async (options: OwnerOptions & { stake: string; fund: string }) => registerCommand(options))

  add(keeper, 'run', 'run the keeper until it is interrupted; logs JSON lines to standard output').action(
    async (options: Common) => runCommand(options),
  )

  add(keeper, 'status', 'show where the keeper stands: seat, stake, rewards, round, process').action(
    async (options: Common) => {
      const { keeperStatus, loadConfig, operatorAddress } = await import('../agent/index.ts')
      const config = loadConfig(options.data)
      print(options, await keeperStatus(config, operatorAddress(config.keys)))
    },
  )

  addOwner(keeper, 'unjail', 'end the jail once its delay is over (owner key)').action(async (options: OwnerOptions) =>
    withOwner(options, async (session) => {
      const { unjailKeeper } = await import('../agent/index.ts')
      await unjailKeeper(session)
      print(options, { unjailed: session.owner.address })
    }),
  )

  addOwner(keeper, 'unbond', 'leave the service and take stake out; run it again after the delay (owner key)')
    .option('--amount <tokens>', 'tokens to unbond (default: all free stake)')
    .action(async (options: OwnerOptions & { amount?: string }) =>
      withOwner(options, async (session) => {
        const [{ unbondKeeper }, { formatEther, parseEther }] = await Promise.all([
          import('../agent/index.ts'),
          import('ethers'),
        ])
        const result = await unbondKeeper(session, options.amount === undefined ? null : parseEther(options.amount))
        print(options, {
          left: result.left,
          unbonding: formatEther(result.unbonding),
          withdrawn: formatEther(result.withdrawn),
          unlocks: result.unlocksAt === 0 ? null : new Date(result.unlocksAt * 1000).toISOString(),
        })
      }),
    )

  addOwner(keeper, 'claim', 'collect rewards and pay them out (owner key)')
    .option('--to <address>', 'receiver (default: the owner)')
    .action(async (options: OwnerOptions & { to?: string }) =>
      withOwner(options, async (session) => {
        const [{ claimRewards }, { formatEther }] = await Promise.all([import('../agent/index.ts'), import('ethers')])
        const to = options.to ?? session.owner.address
        print(options, { to, paid: formatEther(await claimRewards(session, to)) })
      }),
    )

  registerKeeperKeys(keeper)

  add(keeper, 'export-logs', 'copy the log lines of the data folder into one file')
    .requiredOption('--out <file>', 'where to')
    .action(async (options: Common & { out: string }) => {
      const { exportLogs } = await import('../agent/index.ts')
      print(options, { file: options.out, bytes: await exportLogs(options.data, options.out) })
    })
}

type InitFlags = {
  readonly deployment?: string
  readonly service?: string
  readonly chainId?: number
  readonly rpc: readonly string[]
  readonly fromBlock?: number
  readonly listen: string
  readonly manifest?: string
  readonly weights?: string
  readonly strategy?: string
  readonly samples?: string
  readonly set: readonly string[]
  readonly remoteSigner?: string
  readonly operator?: string
  readonly signerApi: string
}

async function initCommand(options: Common & InitFlags): Promise<void> {
  const [agent, { readPassphrase }, { parse }] = await Promise.all([
    import('../agent/index.ts'),
    import('../chain/index.ts'),
    import('yaml'),
  ])
  const place = await placeOf(options)
  const values: Record<string, unknown> = {
    'chain.id': place.chainId,
    'chain.rpc': [...options.rpc],
    'chain.fromBlock': place.fromBlock,
    'service.address': place.service,
    'network.listen': [options.listen],
  }
  if (options.passphraseFile !== undefined) values['keys.passphraseFile'] = resolve(options.passphraseFile)
  if ((options.remoteSigner === undefined) !== (options.operator === undefined)) {
    throw new UsageError('--remote-signer and --operator belong together: where the key is, and whose it is')
  }
  if (options.remoteSigner !== undefined) {
    values['keys.operator'] = undefined
    values['keys.remote'] = { url: options.remoteSigner, address: options.operator, api: options.signerApi }
  }
  for (const pair of options.set) {
    const at = pair.indexOf('=')
    if (at < 1) throw new UsageError(`--set ${pair}: takes key=value`)
    values[pair.slice(0, at)] = parse(pair.slice(at + 1))
  }
  const given = options.manifest === undefined ? {} : { given: await manifestOf(options.manifest) }
  const manifest = await agent.serviceManifest({
    epoch: 'next',
    ...{ rpc: options.rpc, chainId: place.chainId, service: place.service },
    ...given,
  })
  const data = await samplesFor(manifest, options.samples, values)
  const at = { rpc: options.rpc, chainId: place.chainId, service: place.service }
  const start = await agent.serviceStart({
    ...{ ...at, manifest },
    ...(options.weights === undefined ? {} : { given: await readWeights(options.weights) }),
  })
  // A file that the config names stays where it is; it is checked when the keeper starts.
  const named = values['service.strategy'] !== undefined
  const strategy = named ? null : await agent.serviceStrategy(at, manifest, options.strategy)
  const passphrase = await readPassphrase({ file: options.passphraseFile, prompt: 'Passphrase for the new keystore: ' })
  const { operator, configFile } = await agent.initKeeper({
    ...{ folder: options.data, passphrase, values: { ...values, ...data.values }, manifest, start, strategy },
  })
  print(options, { operator, config: configFile, ...data.said, next: 'read the config, then `cohort keeper register`' })
}

const NO_SAMPLES = 'none'

/**
 * Config values for the samples. The samples are read once, so that a file that does not fit is found before the keeper is made.
 * @param values what `--set` says
 * @throws UsageError naming what the service takes; LearningError naming file and place
 */
async function samplesFor(
  manifest: ServiceManifest,
  samples: string | undefined,
  values: Readonly<Record<string, unknown>>,
): Promise<{ readonly values: Record<string, unknown>; readonly said: Record<string, unknown> }> {
  const versions = await import('../versions/index.ts')
  const wanted = versions.samplesText(manifest.input)
  const set = ['data.source', 'data.path'].find((key) => values[key] !== undefined)
  if (samples === undefined) {
    if (set !== undefined || versions.takesDigits(manifest)) return { values: {}, said: {} }
    throw new UsageError(
      `--samples: the service takes ${wanted}: say where yours are, or \`none\` for a keeper without any`,
    )
  }
  if (set !== undefined) throw new UsageError(`--samples: leave it out, or --set ${set}: both say where samples are`)
  if (samples === NO_SAMPLES) return { values: { 'data.source': NO_SAMPLES }, said: { samples: 0 } }
  // Relative to the working directory. A path in the config would be relative to the data folder.
  const path = resolve(samples)
  const kind = await versions.kindOfSamples(manifest.input, path)
  const { train } = await versions.samplesOf(manifest, { kind, path })
  return { values: { 'data.source': kind, 'data.path': path }, said: { samples: train.count } }
}

async function readWeights(file: string): Promise<Uint8Array> {
  const { readFile } = await import('node:fs/promises')
  return await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(`cannot read ${file}: ${cause.code}`, EXIT.noInput)
  })
}

/** Where the service is: from the flags, and the rest from the deployment file. */
async function placeOf(flags: InitFlags): Promise<{ service: string; chainId: number; fromBlock: number }> {
  if (flags.deployment === undefined) {
    const { service, rpc } = flags
    if (service === undefined) throw new UsageError('give --service, or --deployment FILE')
    if (!/^0x[0-9a-fA-F]{40}$/.test(service)) throw new UsageError(`--service '${service}': takes an address`)
    const [{ firstBlockOf }, { chainIdOf }] = await Promise.all([
      import('../agent/index.ts'),
      import('../chain/index.ts'),
    ])
    const chainId = flags.chainId ?? (await chainIdOf(rpc))
    const fromBlock = flags.fromBlock ?? (await firstBlockOf(rpc, chainId, service))
    if (fromBlock === null) {
      process.stderr.write(
        '  the endpoint keeps no old states: logs are read from block 0, unless --from-block says more\n',
      )
    }
    return { service, chainId, fromBlock: fromBlock ?? 0 }
  }
  const { readDeployment } = await import('../chain/index.ts')
  const { services, ...deployment } = await readDeployment(flags.deployment)
  const service = flags.service ?? (services.length === 1 ? services[0]!.address : undefined)
  if (service === undefined) {
    const names = services.map(({ name, address }) => `'${name}' at ${address}`).join(', ') || 'none'
    throw new UsageError(`say which with --service: the services of ${flags.deployment} are ${names}`)
  }
  return {
    service,
    chainId: flags.chainId ?? deployment.chainId,
    fromBlock: flags.fromBlock ?? deployment.fromBlock,
  }
}

async function registerCommand(options: OwnerOptions & { stake: string; fund: string }): Promise<void> {
  await withOwner(options, async (session, config) => {
    const [{ operatorAddress, registerKeeperOnChain }, { readPassphrase }, { parseEther }] = await Promise.all([
      import('../agent/index.ts'),
      import('../chain/index.ts'),
      import('ethers'),
    ])
    const passphrase = await readPassphrase({ file: options.passphraseFile ?? config.keys.passphraseFile })
    const operator = operatorAddress(config.keys)
    const { seat } = await registerKeeperOnChain({
      session,
      folder: options.data,
      passphrase,
      operator,
      stake: parseEther(options.stake),
      fund: parseEther(options.fund),
      onProgress: (text) => process.stderr.write(`  ${text}\n`),
    })
    print(options, { owner: session.owner.address, operator, seat, ...(seat === null ? { candidate: true } : {}) })
  })
}

async function runCommand(options: Common): Promise<void> {
  const [agent, { openKeystore, readPassphrase }] = await Promise.all([
    import('../agent/index.ts'),
    import('../chain/index.ts'),
  ])
  await untilStopped(async (signal) => {
    try {
      const config = agent.loadConfig(options.data)
      const passphrase = await readPassphrase({ file: options.passphraseFile ?? config.keys.passphraseFile })
      const key = config.keys.remote === undefined ? await openKeystore(config.keys.operator, passphrase) : null
      const log = agent.createLog(config.log.level, agent.openLogFiles(options.data))
      await agent.runKeeper({
        folder: options.data,
        config,
        operatorKey: key?.privateKey ?? null,
        passphrase,
        signal,
        log,
      })
    } catch (error) {
      if (!signal.aborted) throw withExitCode(error, agent.keeperExitCode(error))
    }
  })
}

/** Attaches to an error the exit code with which the command will end. */
function withExitCode(error: unknown, exitCode: number): unknown {
  if (error instanceof Error && !('exitCode' in error)) Object.assign(error, { exitCode })
  return error
}
