import { basename } from 'node:path';

/** Command lines leave the host; the secrets in them must not. Where in doubt, more is redacted than needed. */

const REDACTED = '[redacted]';
const MAX_ARGUMENT_LENGTH = 1024;

/** `pass` covers password, passwd, passphrase, requirepass; `auth` Authorization, masterauth; `cookie` Erlang's -setcookie. */
const SECRET_WORD = '(?:pass|pwd|secret|token|(?:api|access|private)[-_.]?key|credential|auth|bearer|cookie)';

/** A secret's name and, in the same argument, its value: `-Da.password=x`, `PASSWORD=x`, `Authorization: Bearer x`, `{"token":"x"}`. */
const NAME_AND_VALUE = new RegExp(`${SECRET_WORD}[\\w.-]*["']?[\\s=:]+`, 'i');

/** An option or a bare word that is a secret's name: the value follows as the next argument. A word with a dot is a file. */
const NAME_ALONE = new RegExp(`^(?:--?[\\w.-]*${SECRET_WORD}[\\w.-]*|[\\w-]*${SECRET_WORD}[\\w-]*)["']?[=:]?$`, 'i');

/** `user:secret@`, in a URL or bare; the scheme's own colon is none. */
const USER_AND_PASSWORD = /([^\s/:@]*:)(?!\/\/)\S*@/g;

/** `https://token@host`. */
const USER_ALONE = /(:\/\/)[^\s/:@]+@/g;

interface ShortOption {
  readonly program: RegExp;
  readonly option: string;
  /** `-p` alone asks for the password, and the next argument is something else. */
  readonly isAttachedOnly: boolean;
}

/** One letter that means a secret, for the programs where it does. */
const SHORT_OPTIONS: readonly ShortOption[] = [
  { program: /^(mysql|mariadb)/, option: '-p', isAttachedOnly: true },
  { program: /^mongo/, option: '-p', isAttachedOnly: false },
  { program: /^sshpass$/, option: '-p', isAttachedOnly: false },
  { program: /^(redis|valkey)-(cli|benchmark)$/, option: '-a', isAttachedOnly: false },
  { program: /^curl$/, option: '-u', isAttachedOnly: false },
];

/** The arguments with each value that looks like a secret replaced; as many as came in. */
export function redactArguments(args: readonly string[]): string[] {
  const program = basename(args[0] ?? '');
  const short = SHORT_OPTIONS.filter((each) => each.program.test(program));
  return args.map((arg, i) => {
    const previous = i > 1 ? args[i - 1] : undefined;
    if (previous !== undefined && announcesSecret(previous, short)) return REDACTED;
    // Not cut, which could leave half a secret; not scanned, which takes the square of a hostile length.
    if (arg.length > MAX_ARGUMENT_LENGTH) return '[too long]';
    const attached =
      i > 0 ? short.find(({ option }) => arg.startsWith(option) && arg.length > option.length) : undefined;
    if (attached) return attached.option + REDACTED;
    const named = NAME_AND_VALUE.exec(arg);
    // Everything after it: where the value ends depends on whose syntax it is.
    const kept = named ? arg.slice(0, named.index + named[0].length) : arg;
    const withoutUsers = kept.replace(USER_AND_PASSWORD, `$1${REDACTED}@`).replace(USER_ALONE, `$1${REDACTED}@`);
    return named ? withoutUsers + REDACTED : withoutUsers;
  });
}

function announcesSecret(arg: string, short: readonly ShortOption[]): boolean {
  if (arg.length > MAX_ARGUMENT_LENGTH) return false;
  return NAME_ALONE.test(arg) || short.some(({ option, isAttachedOnly }) => !isAttachedOnly && arg === option);
}
