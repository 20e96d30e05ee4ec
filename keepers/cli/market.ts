// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort market`: open a market on a model's future output, trade its outcomes, resolve it by a proof, dispute, be paid.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { chainCommand, parseAddress, parseCount, parseCountFromZero, parseWord } from './chain-command.ts'
import {
  bond,
  buy,
  create,
  dispute,
  list,
  type MarketOptions,
  onSets,
  provide,
  record,
  redeem,
  resolve,
  sell,
  show,
  withdraw,
} from './market-actions.ts'
import { parseClasses, parseOdds, parsePercent, parseTokens, parseWhen } from './market-text.ts'

const EXAMPLES = `
Examples (an account of a development node; --keystore FILE elsewhere):
  cohort market create --text 'Does Heron 4 lift off?' --model 2 --publisher 1 --closes +7d --deadline +9d \\
    --classes 0,1,- --min-margin 440 --account 1
  cohort market provide 1 --amount 100 --odds 1,1 --account 1
  cohort market buy 1 --outcome 0 --amount 50 --account 2
  cohort market resolve 1 --proof proof.json --story story.bin --key 1 --signature signature.der --account 3
  cohort market redeem 1 --account 2
`

export function registerMarket(program: Command): void {
  const market = program
    .command('market')
    .description('open markets on a model’s future output, trade outcomes, resolve by a proof, dispute, be paid')
    .addHelpText('after', EXAMPLES)

  command(market, 'list', 'list markets, the newest first')
    .option('--from <number>', 'begin with this market (default: the newest)', parseCount)
    .option('--count <number>', 'how many', parseCount, 20)
    .action((options: MarketOptions & { from?: number; count: number }) => list(options))

  onMarket(market, 'show', 'show one market: terms, tag and context, pools, and your holdings').action(show)

  command(market, 'create', 'open a market on a model that pins a version')
    .requiredOption('--text <words>', 'the question, at most 1,024 bytes')
    .requiredOption('--model <id>', 'the hub’s id of the model (`cohort infer models`)', parseCount)
    .option('--publisher <id>', 'publisher of the stories or signed inputs that count', parseCount)
    .option('--opens <time>', 'earliest time at which a story counts (default: now)', parseWhen, parseWhen('+0s'))
    .requiredOption(
      '--closes <time>',
      'end of trading, and latest time of a story: 2026-12-01T12:00Z, +2d, Unix seconds',
      parseWhen,
    )
    .requiredOption('--deadline <time>', 'latest time of a proof', parseWhen)
    .addOption(new Option('--min-margin <units>', 'least margin of a label').default(0n, '0').argParser(parseUnits))
    .option('--outcomes <n>', 'how many outcomes', parseCount, 2)
    .addOption(
      new Option('--classes <list>', 'outcome of each class, - where the model abstains: 0,1,-')
        .default([], 'none, for a score')
        .argParser(parseClasses),
    )
    .option('--collateral <address>', 'token that pays (default: the deployment’s)', parseAddress)
    .option('--input <commitment>', 'input market: pinned to this input commitment', parseWord)
    .addOption(new Option('--payout <kind>', 'input market: how it pays').choices(['classes', 'bins', 'linear']))
    .option('--lower <units>', 'input market of a score: lower bound', parseSigned)
    .option('--width <units>', 'input market of a score: width of a bin, or of the range', parseUnits)
    .action(create)

  amountOf(market, 'split', 'pay collateral for the same amount of each outcome').action((id: bigint, options) =>
    onSets(id, options, 'split'),
  )
  amountOf(market, 'merge', 'give back the same amount of each outcome for collateral').action((id: bigint, options) =>
    onSets(id, options, 'merge'),
  )

  trade(market, 'provide', 'give a pool liquidity; creates a missing pool')
    .requiredOption('--amount <tokens>', 'collateral', parseTokens)
    .option('--odds <list>', 'odds for the first deposit: 3,1 is three quarters and one quarter', parseOdds)
    .action(provide)
  trade(market, 'withdraw', 'take liquidity out of a pool')
    .option('--shares <tokens>', 'shares of the pool (default: all)', parseTokens)
    .action(withdraw)
  trade(market, 'buy', 'spend collateral on an outcome')
    .requiredOption('--outcome <n>', 'which', parseCountFromZero)
    .requiredOption('--amount <tokens>', 'collateral to spend', parseTokens)
    .action(buy)
  trade(market, 'sell', 'sell an outcome for collateral')
    .requiredOption('--outcome <n>', 'which', parseCountFromZero)
    .option('--amount <tokens>', 'collateral to get', parseTokens)
    .option('--tokens <tokens>', 'or outcome tokens to give (default: all)', parseTokens)
    .action(sell)

  content(onMarket(market, 'record', 'show that a signed story or input exists, so that its proof may follow')).action(
    record,
  )
  content(onMarket(market, 'resolve', 'resolve a market by a proof of the model’s output'))
    .requiredOption(
      '--proof <file>',
      'as `cohort story prove` or `cohort zkml fullprove` wrote it, for the market’s context',
    )
    .option('--private', 'the proof is of a private story: give --key, but neither story nor signature')
    .action(resolve)

  onMarket(market, 'dispute', 'stake a bond that the model has misread; the DAO decides')
    .option('--defend', 'stake the same bond that the model has read correctly')
    .option('--flag', 'stop a resolution after its key, version or circuit was withdrawn; costs no bond')
    .action(dispute)
  onMarket(market, 'redeem', 'be paid for all that you hold of a final or invalid market').action(redeem)
  onMarket(market, 'bond', 'send the bond of a dispute to its winner')
    .option('--of <address>', 'the challenger or defender (default: you)', parseAddress)
    .action(bond)
}

function command(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description).option(
    '--inputs',
    'use the book of input markets instead of the one of stories',
  )
}

function onMarket(parent: Command, name: string, description: string): Command {
  return command(parent, name, description).argument('<market>', 'its number', (text) => BigInt(parseCount(text)))
}

function amountOf(parent: Command, name: string, description: string): Command {
  return onMarket(parent, name, description).requiredOption('--amount <tokens>', 'how much', parseTokens)
}

function trade(parent: Command, name: string, description: string): Command {
  return onMarket(parent, name, description)
    .addOption(new Option('--fee <percent>', 'which pool: its fee').default(100, '1').argParser(parsePercent(10)))
    .addOption(
      new Option('--slippage <percent>', 'how much worse than quoted the result may be, at most')
        .default(100, '1')
        .argParser(parsePercent(50)),
    )
    .option('--seconds <n>', 'how long the transaction may wait to be mined', parseCount, 600)
}

function content(to: Command): Command {
  return to
    .option('--story <file>', 'the bytes that the publisher signed (`cohort story prove --story`)')
    .option('--input <commitment>', 'input market: the input commitment', parseWord)
    .option('--key <id>', 'the publisher’s key', parseCount)
    .option('--signature <hex-or-file>', '0x…, or a file: OpenSSL’s DER of a P-256 signature, or its raw bytes')
}

function parseUnits(text: string): bigint {
  if (!/^\d{1,38}$/.test(text)) throw new InvalidArgumentError('a whole number is needed.')
  return BigInt(text)
}

function parseSigned(text: string): bigint {
  if (!/^-?\d{1,38}$/.test(text)) throw new InvalidArgumentError('a whole number is needed.')
  return BigInt(text)
}
