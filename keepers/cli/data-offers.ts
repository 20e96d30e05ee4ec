// SPDX-License-Identifier: GPL-3.0-or-later
// The actions of `cohort data` on offers, once the options are read.
import process from 'node:process'
import { formatEther, parseEther, type Signer, ZeroAddress } from 'ethers'
import { DeviceTree, makeSensorCircuit, proveSamples, readSensorCircuit, SensorError } from '../apps/sensors/index.ts'
import { BatchTree, DataMarketError, OffersClient, type OfferView, RewardsClient, standingOf } from '../chain/index.ts'
import { deployKeyVerifier } from '../serving/index.ts'
import { type ChainOptions, print, toJson, withChain } from './chain-command.ts'
import { readDevices, readLeaves, readOffer, readSamples, schemaHash } from './data-files.ts'
import { UsageError } from './failure.ts'
import { interruptible } from './stopping.ts'

const DAY_SECONDS = 86_400
/** Most offers that `list` looks at, the newest first; below, how many at a time. */
const MOST_LISTED = 5_000
const AT_ONCE = 25

type OffersOptions = ChainOptions & { readonly offers?: string }

async function withOffers(
  options: OffersOptions,
  body: (client: OffersClient, session: { now(): Promise<number> }) => Promise<void>,
): Promise<void> {
  const { offers } = options
  if (offers === undefined) throw new UsageError('this needs --offers ADDRESS, or COHORT_OFFERS')
  await withChain(options, async ({ deployment, provider, signer }) => {
    const now = async () => (await provider.getBlock('latest'))!.timestamp
    await body(await OffersClient.open(offers, deployment.contracts.ModelRegistry, provider, signer), { now })
  })
}

export async function circuit(
  folder: string,
  options: { samples: number; depth: number; json?: boolean },
): Promise<void> {
  await interruptible(async (signal) => {
    const onStage = (stage: string) => process.stderr.write(`  ${stage}\n`)
    const { samples, depth } = options
    const made = await makeSensorCircuit(folder, { samples, depth }, { signal, onStage })
    const text = `${folder}: ${made.constraints} constraints for ${samples} samples; its key is for development.`
    process.stdout.write(`${options.json === true ? toJson(made) : text}\n`)
  })
}

export async function verifier(folder: string, options: ChainOptions): Promise<void> {
  const { circuit, key, metadata } = await readSensorCircuit(folder)
  await withChain(options, async ({ signer }) => {
    const made = await deployKeyVerifier(
      key,
      { setupKind: metadata.setup, subject: 'samples that devices signed' },
      needed(signer),
    )
    const { circuitId } = circuit
    const text = `Verifier ${made.address} of circuit ${circuitId}; the DAO registers it with vkHash ${made.vkHash}.`
    print(options, { ...made, circuitId, setup: metadata.setup }, text)
  })
}

export async function deploy(
  folder: string,
  options: ChainOptions & { claims: string; treasury?: string; deposit: string },
): Promise<void> {
  const { circuit } = await readSensorCircuit(folder)
  await withChain(options, async ({ deployment, signer }) => {
    const account = needed(signer)
    const { KeeperRegistry: keepers, ModelRegistry: models, VerifierRegistry: verifiers } = deployment.contracts
    const { claims, treasury = deployment.contracts.TimelockController } = options
    const { circuitId } = circuit
    const rewards = await RewardsClient.deploy(account, claims, models)
    const deposit = parseEther(options.deposit)
    const given = { keepers, models, claims, rewards, verifiers, circuitId, treasury, deposit }
    const offers = await OffersClient.deploy(account, given)
    print(options, { rewards, offers, circuitId }, `COHORT_REWARDS=${rewards}\nCOHORT_OFFERS=${offers}`)
  })
}

export async function devices(file: string, folder: string, options: OffersOptions): Promise<void> {
  const tree = await treeOf(file, folder)
  await withOffers(options, async (client) => {
    const root = `0x${tree.root.toString(16).padStart(64, '0')}`
    const sent = await client.listDevices(root)
    print(options, { ...sent, root }, `Listed ${tree.keys.filter((key) => key !== null).length} devices: ${root}`)
  })
}

export async function offer(file: string, options: OffersOptions): Promise<void> {
  const given = await readOffer(file)
  const { leaves, price, uri, maker = ZeroAddress } = given
  const tree = leaves === undefined ? null : new BatchTree(leaves)
  await withOffers(options, async (client, { now }) => {
    const { expires } = given
    const expiresAt =
      typeof expires === 'number'
        ? (await now()) + Math.floor(expires * DAY_SECONDS)
        : Math.floor(Date.parse(expires) / 1000)
    const sent = await client.offer({
      ...{ schema: schemaHash(given.schema), root: tree?.root ?? given.root!, size: tree?.size ?? given.size! },
      ...{ maker, price, expiresAt, proveSeconds: Math.floor(given.proveDays * DAY_SECONDS), uri },
      minEarned: given.minEarned,
    })
    print(options, sent, `Offer ${sent.offerId}.`)
  })
}

export async function attest(
  offerId: number,
  folder: string,
  options: OffersOptions & { samples: string; devices: string; leaves: string; index: number },
): Promise<void> {
  const [tree, given, leaves] = await Promise.all([
    treeOf(options.devices, folder),
    readSamples(options.samples),
    readLeaves(options.leaves),
  ])
  const { index } = options
  await interruptible(async (signal) => {
    await withOffers(options, async (client) => {
      const { size } = await client.view(offerId)
      const offered = new BatchTree(leaves, Math.max(size, leaves.length))
      if (offered.root !== (await client.rootOf(offerId)))
        throw new DataMarketError('other-leaves', `${options.leaves} has not the ${size} leaves of offer ${offerId}`)
      const context = await client.contextOf(offerId, index)
      const { device, samples, salt } = given
      const made = await proveSamples(folder, { tree, device, samples, salt, context }, { signal })
      if (made.commitment !== leaves[index])
        throw new SensorError('bad-sample', `${options.samples} is not leaf ${index} of ${options.leaves}`)
      const { a, b, c } = made.proof
      const proof = { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] } as Parameters<typeof client.attest>[2]['proof']
      const { commitment, summary } = made
      const sent = await client.attest(offerId, index, { commitment, summary, path: offered.path(index), proof })
      const { count, first, last, min, max, sum } = summary
      const text = `Attested: ${count} samples of device ${device}, counters ${first} to ${last}, values ${min} to ${max}, sum ${sum}.`
      print(options, { ...sent, ...summary }, text)
    })
  })
}

export async function list(
  options: OffersOptions & { count: number; open?: boolean; schema?: string; minAge: number },
): Promise<void> {
  await withOffers(options, async (client, { now }) => {
    const count = await client.count()
    const all: OfferView[] = []
    // Bounded, because anybody can make any number of offers, for deposits that they get back.
    const least = Math.max(1, count - MOST_LISTED + 1)
    for (let id = count; id >= least; id -= AT_ONCE) {
      const page = Array.from({ length: Math.min(AT_ONCE, id - least + 1) }, (_, i) => client.view(id - i))
      all.push(...(await Promise.all(page)))
    }
    if (least > 1) process.stderr.write(`  looked at the newest ${MOST_LISTED} of ${count} offers\n`)
    const time = await now()
    const schema = options.schema === undefined ? null : schemaHash(options.schema)
    const offers = all
      .filter(({ status, expiresAt }) => options.open !== true || (status === 'open' && expiresAt >= time))
      .filter((one) => schema === null || one.schema === schema)
      .filter(({ reputation }) => time - reputation.since >= options.minAge * DAY_SECONDS)
      .sort((a, b) => standingOf(b.reputation) - standingOf(a.reputation) || a.reputation.since - b.reputation.since)
      .slice(0, options.count)
    print(options, { count, offers }, offers.length === 0 ? 'No offers.' : offers.map(line).join('\n'))
  })
}

export async function show(offerId: number, options: OffersOptions): Promise<void> {
  await withOffers(options, async (client) => {
    const found = await client.view(offerId)
    const { proven, unproven, struck, fallen, offers, since } = found.reputation
    const text = [
      line(found),
      `  seller    ${found.seller}: ${offers} offers since ${day(since)}; ${proven} proven, ${unproven} unproven, ${struck} struck; ${fallen} claims fell`,
      `  schema    ${found.schema}`,
      `  maker     ${found.maker === ZeroAddress ? 'none' : `${found.maker}, ${found.attested} samples by devices${found.signedByKey ? ', signed by its key' : ''}; ${found.current ? 'listed' : 'not listed any more'}`}`,
      `  expires   ${new Date(found.expiresAt * 1000).toISOString()}`,
      ...(found.uri === '' ? [] : [`  uri       ${found.uri}`]),
    ]
    print(options, found, text.join('\n'))
  })
}

export async function buyIn(offerId: number, options: OffersOptions & { service: string }): Promise<void> {
  await withOffers(options, async (client) => {
    const sent = await client.buyIn(offerId, options.service)
    print(options, sent, `Offer ${offerId} is admitted to ${options.service}.`)
  })
}

export async function settle(offerId: number, options: OffersOptions): Promise<void> {
  await withOffers(options, async (client) => {
    const sent = await client.settle(offerId)
    const text = sent.proven ? 'proven, its price is the seller’s.' : 'unproven, its price is the buyer’s again.'
    print(options, sent, `Offer ${offerId}: ${text}`)
  })
}

export async function strike(
  offerId: number,
  options: OffersOptions & { leaves: string; index: number },
): Promise<void> {
  const leaves = await readLeaves(options.leaves)
  await withOffers(options, async (client) => {
    const { size } = await client.view(offerId)
    if (options.index >= size || options.index < leaves.length)
      throw new UsageError(
        `--index ${options.index}: must be from ${leaves.length}, where the leaves end, to ${size - 1}`,
      )
    const sent = await client.disproveSize(offerId, options.index, new BatchTree(leaves, size).path(options.index))
    print(options, sent, `Offer ${offerId} is struck: leaf ${options.index} is padding.`)
  })
}

export async function retire(offerId: number, options: OffersOptions): Promise<void> {
  await withOffers(options, async (client) =>
    print(
      options,
      await client.retire(offerId),
      `Offer ${offerId} is retired: \`cohort data withdraw\` pays its deposit.`,
    ),
  )
}

export async function withdraw(options: OffersOptions): Promise<void> {
  await withOffers(options, async (client) => print(options, await client.withdraw(), 'Paid.'))
}

async function treeOf(file: string, folder: string): Promise<DeviceTree> {
  const [{ keys }, { circuit }] = await Promise.all([readDevices(file), readSensorCircuit(folder)])
  return new DeviceTree(keys, circuit.depth)
}

function line({ offerId, status, size, price, attested, signedByKey, reputation, seller, copyOf }: OfferView): string {
  const copied = copyOf === 0 ? '' : `, a copy of offer ${copyOf}`
  const vouched = attested > 0 ? `${attested} samples attested` : signedByKey ? 'signed by its maker' : 'nobody vouches'
  return `${offerId}  ${status}: ${size} leaves${copied}, ${vouched}; ${formatEther(price)} ETH; ${seller} (${standingOf(reputation)})`
}

function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}

function needed(signer: Signer | undefined): Signer {
  if (signer === undefined)
    throw new UsageError('this needs an account: --keystore FILE, or --account N of a local node')
  return signer
}
