// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort census`: commit to a private table, release marginals with proven noise, run models on it.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { chainCommand, parseAddress, parseCount, parseCountFromZero } from './chain-command.ts'
import { wholeNumber } from './zkml/terminal.ts'

const EXAMPLES = `
Examples (an account of a development node, --keystore FILE elsewhere):
  cohort census generate --rows 10000 --seed 1 --out table.csv
  cohort census setup circuits/
  cohort census deploy --account 0                      # then: export COHORT_TABLES=0x…
  cohort census describe circuits/ --account 0
  cohort census open --max-epsilon 2 --version-epsilon 1 --fee 0.01 --bond 0.5 --account 1
  cohort census commit table.csv --series 1 --secret table.secret --max-epsilon 2 --version-epsilon 1 --account 1
  cohort census request --series 1 --number 1 --account 2
  cohort census release 1 circuits/ --table table.csv --secret table.secret --account 1
  cohort census result 1
  cohort census design 1 --out model.json
  cohort census request --series 1 --number 1 --model model.json --account 2
  cohort census release 2 circuits/ --table table.csv --secret table.secret --account 1
  cohort census budget --series 1
`
const JSON_FLAG = ['--json', 'print the result as JSON'] as const

const actions = () => import('./census-actions.ts')

export function registerCensus(program: Command): void {
  const census = program
    .command('census')
    .description('release marginals of a private table with proven noise, and run models on it')
    .addHelpText('after', EXAMPLES)

  census
    .command('generate')
    .description('write a table of invented people; the seed gives the same rows everywhere')
    .option('--rows <n>', 'people', wholeNumber('--rows', 1, 16_383), 10_000)
    .option('--seed <n>', 'the seed from which the people are drawn', wholeNumber('--seed', 0, 0xffff_ffff), 1)
    .option('--out <file>', 'file for the table (default: standard output)')
    .option(...JSON_FLAG)
    .action(async (options) => (await actions()).generate(options))

  census
    .command('setup <folder>')
    .description(
      'compile the three circuits and set up their keys, by one party; repeat it to go on after an interruption',
    )
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await actions()).setup(folder, options))

  chainCommand(census, 'deploy', 'deploy a ledger of private tables on the deployment’s verifier registry')
    .option('--registrar <address>', 'who says what circuits release (default: the timelock)', parseAddress)
    .option('--treasury <address>', 'who gets half of lost bonds (default: the timelock)', parseAddress)
    .action(async (options) => (await actions()).deploy(options))

  command(
    census,
    'describe <folder>',
    'register the circuits’ verifiers, and say what they release (the registrar)',
  ).action(async (folder, options) => (await actions()).describe(folder, options))

  budgeted(command(census, 'open', 'open a series of versions of a table, with its budget'))
    .option('--interval <seconds>', 'least time between two versions', parseCountFromZero, 86_400)
    .option('--deliver <seconds>', 'most time from acceptance to delivery', parseCount, 3600)
    .option('--fee <ether>', 'the price of a delivered release', parseEtherText, '0')
    .requiredOption('--bond <ether>', 'what the server loses when it does not deliver', parseEtherText)
    .action(async (options) => (await actions()).open(options))

  budgeted(series(command(census, 'commit <table>', 'commit to the next version of a series (its server)')))
    .requiredOption(
      '--secret <file>',
      'the version’s secret; drawn if the file does not exist. A record is kept beside it',
    )
    .action(async (table, options) => (await actions()).commit(table, options))

  series(command(census, 'request', 'ask for all marginals, or for the outcomes of a model'))
    .requiredOption('--number <version>', 'which version', parseCount)
    .option('--model <file>', 'a model that `design` wrote, or another with the same columns')
    .action(async (options) => (await actions()).request(options))

  numbered(census, 'cancel', 'take an open request back, with its fee').action(async (id, options) =>
    (await actions()).cancel(id, options),
  )

  numbered(
    census,
    'release',
    'accept a request, prove it chunk by chunk, publish with noise (the server); goes on where it stopped',
  )
    .argument('<folder>', 'the circuits and keys')
    .requiredOption('--table <file>', 'the rows of the version')
    .requiredOption('--secret <file>', 'the secret of the version, beside its record')
    .option('--work <folder>', 'where proofs are kept until they are on the chain', 'census-work')
    .option('--batch <n>', 'chunks in one transaction', wholeNumber('--batch', 1, 100), 10)
    .option(
      '--confirmations <n>',
      'blocks on top of the beacon’s block before noise is published',
      parseCountFromZero,
      12,
    )
    .action(async (id, folder, options) => (await actions()).release(id, folder, options))

  numbered(census, 'result', 'the counts that a request released, with their noise')
    .option('--out <file>', 'write them as JSON')
    .action(async (id, options) => (await actions()).result(id, options))

  numbered(census, 'design', 'design a model on released marginals; costs no privacy')
    .requiredOption('--out <file>', 'file for the model')
    .action(async (id, options) => (await actions()).design(id, options))

  series(command(census, 'budget', 'what was spent on a series and its versions, and what is left')).action(
    async (options) => (await actions()).budget(options),
  )

  numbered(
    census,
    'expire',
    'end a request that was not delivered in time: half of the bond goes to the requester',
  ).action(async (id, options) => (await actions()).expire(id, options))
  command(census, 'withdraw', 'withdraw what the ledger owes you').action(async (options) =>
    (await actions()).withdraw(options),
  )
}

function command(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description).addOption(
    new Option('--ledger <address>', 'the ledger of private tables').env('COHORT_TABLES').argParser(parseAddress),
  )
}

/** A command about one request, by its number. */
function numbered(parent: Command, name: string, description: string): Command {
  return command(parent, name, description).argument('<request>', 'its number', parseCount)
}

function series(to: Command): Command {
  return to.requiredOption('--series <number>', 'the series', parseCount)
}

/** The budget that the ledger is to enforce. The server itself keeps to it, too, whatever an endpoint says. */
function budgeted(to: Command): Command {
  return to
    .requiredOption('--max-epsilon <number>', 'most epsilon of all releases about all versions', parseMillionths)
    .requiredOption('--version-epsilon <number>', 'most epsilon of all releases about one version', parseMillionths)
    .addOption(
      new Option('--max-delta <number>', 'most delta of all releases about all versions')
        .argParser(parseDelta)
        .default(10n ** 12n, '1e-6'),
    )
}

/** Decimal text in units of 10^-places. */
function scaled(text: string, places: number, what: string): bigint {
  const found = /^(\d{1,6})(?:\.(\d+))?(?:[eE]-(\d{1,2}))?$/.exec(text)
  const [, whole = '', fraction = '', exponent = '0'] = found ?? []
  const zeros = places - fraction.length - Number(exponent)
  if (found === null || zeros < 0) throw new InvalidArgumentError(what)
  const value = BigInt(whole + fraction) * 10n ** BigInt(zeros)
  if (value === 0n || value >= 1n << 63n) throw new InvalidArgumentError(what)
  return value
}

function parseMillionths(text: string): bigint {
  return scaled(text, 6, 'a number above 0 with at most six decimals is needed, such as 1.5.')
}

function parseDelta(text: string): bigint {
  return scaled(text, 18, 'a number above 0 and at most 1 is needed, such as 1e-6.')
}

function parseEtherText(text: string): string {
  if (!/^\d{1,9}(\.\d{1,18})?$/.test(text)) throw new InvalidArgumentError('an amount of ether such as 0.5 is needed.')
  return text
}
