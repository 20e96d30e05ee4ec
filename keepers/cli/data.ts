// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort data`: offers of data, and rewards for improvement that is proven on a hold-out.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { chainCommand, parseAddress, parseCount, parseCountFromZero } from './chain-command.ts'

const EXAMPLES = `
Examples (an account of a development node; --keystore FILE elsewhere. Claims come from \`cohort claim\`):
  cohort data circuit sensors/ --samples 8 --depth 8
  cohort data verifier sensors/ --account 0
  cohort data deploy sensors/ --claims 0x… --account 0   # then: export COHORT_REWARDS=0x… COHORT_OFFERS=0x…
  cohort data devices devices.json sensors/ --account 3   # a maker lists the keys of its devices
  cohort data offer offer.json --account 1
  cohort data attest 1 sensors/ --samples day.json --devices devices.json --leaves leaves.json --index 0 --account 1
  cohort data list
  cohort data buy-in 1 --service 0x… --account 0
  cohort data campaign campaign.json --budget 2 --account 0
  cohort data draw 1 --number 4 --account 1
  cohort data present 1 --number 4 --claims 7 8 --leaves leaves.json --account 1
  cohort data settle-version 1 --account 1
`

const offers = () => import('./data-offers.ts')
const rewards = () => import('./data-rewards.ts')

export function registerData(program: Command): void {
  const data = program
    .command('data')
    .description('offer data and admit it to services; pay for improvement that is proven on a hold-out')
    .addHelpText('after', EXAMPLES)
  registerOffers(data)
  registerRewards(data)
}

function registerOffers(data: Command): void {
  data
    .command('circuit <folder>')
    .description('make the circuit of samples that devices sign, with a key for development')
    .option('--samples <n>', 'samples in one proof, at most 1024', bounded(2, 1024), 8)
    .option('--depth <n>', 'levels of the tree of devices, at most 16', bounded(2, 16), 8)
    .option('--json', 'print the result as JSON')
    .action(async (folder, options) => (await offers()).circuit(folder, options))

  chainCommand(
    data,
    'verifier <folder>',
    'compile and deploy the verifier of that circuit, for the DAO to register',
  ).action(async (folder, options) => (await offers()).verifier(folder, options))

  chainCommand(data, 'deploy <folder>', 'deploy rewards and offers on the deployment’s registries and a claim registry')
    .requiredOption('--claims <address>', 'the claim registry', parseAddress)
    .option(
      '--treasury <address>',
      'the account that gets a quarter of lost deposits (default: the timelock)',
      parseAddress,
    )
    .option('--deposit <ether>', 'the deposit for each offer', parseEtherText, '0.05')
    .action(async (folder, options) => (await offers()).deploy(folder, options))

  command(data, 'devices <file> <folder>', 'list your devices as their maker; replaces your earlier list').action(
    async (file, folder, options) => (await offers()).devices(file, folder, options),
  )

  command(data, 'offer <file>', 'offer data: a JSON file with schema, leaves or root and size, price, expiry').action(
    async (file, options) => (await offers()).offer(file, options),
  )

  command(
    data,
    'attest <offer> <folder>',
    'prove that a device signed the samples of one of your offer’s leaves',
    parseCount,
  )
    .requiredOption('--samples <file>', 'the device’s signed samples, and the salt of their commitment')
    .requiredOption('--devices <file>', 'the keys of the maker’s devices')
    .requiredOption('--leaves <file>', 'all commitments of the offer, in their order')
    .requiredOption('--index <n>', 'index of the leaf, from 0', parseCountFromZero)
    .action(async (offer, folder, options) => (await offers()).attest(offer, folder, options))

  command(data, 'list', 'list offers, sellers with better outcomes first')
    .option('--count <number>', 'how many', parseCount, 20)
    .option('--open', 'only those that a service can admit')
    .option('--schema <text>', 'only those of this schema: its text, or its hash')
    .option('--min-age <days>', 'only those of sellers whose first offer is at least this old', parseCountFromZero, 0)
    .action(async (options) => (await offers()).list(options))

  command(data, 'show <offer>', 'show one offer, and how its seller’s other offers ended', parseCount).action(
    async (offer, options) => (await offers()).show(offer, options),
  )

  command(
    data,
    'buy-in <offer>',
    'admit an offer to a service and put its price into escrow (the service’s administrator)',
    parseCount,
  )
    .requiredOption('--service <address>', 'the service', parseAddress)
    .action(async (offer, options) => (await offers()).buyIn(offer, options))

  command(data, 'settle <offer>', 'pay an admitted offer’s price to its seller, or return it', parseCount).action(
    async (offer, options) => (await offers()).settle(offer, options),
  )

  command(data, 'strike <offer>', 'show that a leaf below an offer’s size is padding, and take its deposit', parseCount)
    .requiredOption('--leaves <file>', 'the commitments that exist, in their order')
    .requiredOption('--index <n>', 'index of the missing leaf, from 0', parseCountFromZero)
    .action(async (offer, options) => (await offers()).strike(offer, options))

  command(data, 'retire <offer>', 'take back the deposit of an ended offer', parseCount).action(
    async (offer, options) => (await offers()).retire(offer, options),
  )

  command(data, 'withdraw', 'withdraw what offers owe you').action(async (options) =>
    (await offers()).withdraw(options),
  )
}

function registerRewards(data: Command): void {
  rewarding(data, 'campaign <file>', 'open a campaign of rewards for a service that you administer: a JSON file')
    .requiredOption('--budget <ether>', 'the campaign’s budget, paid at once', parseEtherText)
    .action(async (file, options) => (await rewards()).campaign(file, options))

  data
    .command('margin')
    .description('how many right answers too many a sample may show by luck (Hoeffding’s bound)')
    .requiredOption('--samples <n>', 'samples drawn for a version', bounded(1, 65_520))
    .option('--luck <p>', 'probability of an even larger excess, in percent', parsePercent, 0.05)
    .option('--json', 'print the result as JSON')
    .action(async (options) => (await rewards()).margin(options))

  rewarding(data, 'note <service>', 'record the members of a service’s present epoch', parseAddress).action(
    async (service, options) => (await rewards()).note(service, options),
  )

  numbered(
    rewarding(data, 'draw <campaign>', 'draw a version’s batches from the hold-out, and wait for them', parseCount),
  ).action(async (id, options) => (await rewards()).draw(id, options))

  numbered(rewarding(data, 'present <campaign>', 'show claims on the drawn batches, in their order', parseCount))
    .requiredOption('--claims <numbers...>', 'numbers of claims at the claim registry, one for each drawn batch')
    .requiredOption('--leaves <file>', 'all commitments of the pool, in their order')
    .action(async (id, options) => (await rewards()).present(id, options))

  rewarding(
    data,
    'hide <pool>',
    'exclude batches that challenges drew from a service’s draws (the account that keeps the pool)',
    parseCount,
  )
    .requiredOption('--service <address>', 'the service', parseAddress)
    .requiredOption('--indices <numbers...>', 'indices of the batches, from 0')
    .action(async (pool, options) => (await rewards()).hide(pool, options))

  rewarding(
    data,
    'settle-version <campaign>',
    'settle the version that has waited longest, and pay for its improvement',
    parseCount,
  ).action(async (id, options) => (await rewards()).settle(id, options))

  numbered(rewarding(data, 'measured <campaign>', 'show the progress of a version’s measurement', parseCount)).action(
    async (id, options) => (await rewards()).measured(id, options),
  )

  rewarding(data, 'show-campaign <campaign>', 'one campaign', parseCount).action(async (id, options) =>
    (await rewards()).show(id, options),
  )

  rewarding(data, 'scores <campaign>', 'contribution scores of an epoch, recomputed from the records', parseCount)
    .requiredOption('--epoch <n>', 'the epoch', parseCountFromZero)
    .action(async (id, options) => (await rewards()).scores(id, options))

  rewarding(
    data,
    'close <campaign>',
    'take back the rest of a campaign’s budget after its end (its sponsor)',
    parseCount,
  ).action(async (id, options) => (await rewards()).close(id, options))

  rewarding(data, 'withdraw-rewards', 'withdraw what rewards owe you').action(async (options) =>
    (await rewards()).withdraw(options),
  )
}

/** A command about offers. @param parse Parses its first argument, the `<…>` in `name`. */
function command(parent: Command, name: string, description: string, parse?: (text: string) => unknown): Command {
  return parsed(chainCommand(parent, name, description), parse).addOption(
    new Option('--offers <address>', 'the contract of offers').env('COHORT_OFFERS').argParser(parseAddress),
  )
}

/** A command about rewards. */
function rewarding(parent: Command, name: string, description: string, parse?: (text: string) => unknown): Command {
  return parsed(chainCommand(parent, name, description), parse).addOption(
    new Option('--rewards <address>', 'the contract of rewards').env('COHORT_REWARDS').argParser(parseAddress),
  )
}

function parsed(to: Command, parse?: (text: string) => unknown): Command {
  const [first] = to.registeredArguments
  if (parse !== undefined && first !== undefined) first.argParser(parse)
  return to
}

function numbered(to: Command): Command {
  return to.requiredOption('--number <version>', 'which version', parseCount)
}

function bounded(min: number, max: number): (text: string) => number {
  return (text) => {
    const found = parseCountFromZero(text)
    if (found < min || found > max) throw new InvalidArgumentError(`a whole number from ${min} to ${max} is needed.`)
    return found
  }
}

function parseEtherText(text: string): string {
  if (!/^\d{1,9}(\.\d{1,18})?$/.test(text)) throw new InvalidArgumentError('an amount of ether such as 0.4 is needed.')
  return text
}

function parsePercent(text: string): number {
  const found = Number(text) / 100
  if (!/^\d{1,2}(\.\d{1,9})?$/.test(text) || found === 0)
    throw new InvalidArgumentError('a percentage above 0 and below 100 is needed.')
  return found
}
