/**
 * Programs to run in a container. In Perl, because every Debian has it, it needs no compiler, and it can do what
 * a shell cannot: chroot and fchdir, sockets, holding files open. When a program has done its work it changes
 * its name, so that the host sees how far it is: commandProcess(running, "ready").
 */
export const READY = "ready";

const THEN_WAIT = `$0 = "${READY}"; sleep 3600 while 1;`;

function perl(code: string, ...args: readonly (string | number)[]): string[] {
  return ["perl", "-e", code, ...args.map(String)];
}

/** Opens what it can of the files, each written "r:path" or "w:path", and holds them open. */
export function holdOpen(files: readonly string[]): string[] {
  const open = `for (@ARGV) { my ($mode, $path) = split /:/, $_, 2; my $file; sysopen($file, $path, $mode eq "w" ? 1 : 0) and push @held, $file; }`;
  return perl(`${open} ${THEN_WAIT}`, ...files);
}

/**
 * Tries to start this many children, which live as long as their parent: on phase 1 nothing else would end them.
 * A child that cannot be started is left out.
 */
export function forkMany(count: number): string[] {
  return perl(
    `my $parent = $$;
     for (1 .. $ARGV[0]) {
       my $child = fork;
       if (defined $child and $child == 0) { sleep 1 while getppid == $parent; exit; }
     }
     ${THEN_WAIT}`,
    count,
  );
}

/** What a process that has filled its memory is called. */
export const FULL = "full";

/** Is ready, and fills this much memory when it gets SIGUSR1. */
export function eatMemory(mebibytes: number): string[] {
  return perl(
    `my $memory; $SIG{USR1} = sub { my $count = $ARGV[0]; $memory = "x" x ($count * 1048576); $0 = "${FULL}"; }; ${THEN_WAIT}`,
    mebibytes,
  );
}

/** Is ready, and never rests. */
export function keepBusy(): string[] {
  return perl(`$0 = "${READY}"; 1 while 1;`);
}

/**
 * The classic way out of a chroot: a process whose working directory is not below its root can go up past it.
 * Makes itself another root below the present one, keeps a descriptor to outside of it, and climbs.
 */
export function escapeChroot(): string[] {
  return perl(
    `mkdir "/cell"; opendir my $old, "/"; chroot "/cell"; chdir $old; chdir ".." for 1 .. 64; chroot "."; ${THEN_WAIT}`,
  );
}

/** Listens on TCP 127.0.0.1:port and connects to it, both in this container; holds both ends open. */
export function talkToItself(port: number): string[] {
  return perl(
    `my $place = pack "S n a4 x8", 2, $ARGV[0], pack "C4", 127, 0, 0, 1;
     socket my $server, 2, 1, 0; bind $server, $place or die; listen $server, 1 or die;
     socket my $client, 2, 1, 0; connect $client, $place or die; accept my $peer, $server or die; ${THEN_WAIT}`,
    port,
  );
}

/** Connects to a TCP port on 127.0.0.1, says a word, and ends. */
export function sayOverTcp(port: number, word: string): string[] {
  return perl(
    `socket my $to, 2, 1, 0; connect $to, pack "S n a4 x8", 2, $ARGV[0], pack "C4", 127, 0, 0, 1 or die; syswrite $to, $ARGV[1];`,
    port,
    word,
  );
}

/** Connects to an abstract Unix socket, says a word, and ends. */
export function sayOverAbstractSocket(name: string, word: string): string[] {
  return perl(
    `socket my $to, 1, 1, 0; connect $to, pack "S a*", 1, "\\0$ARGV[0]" or die; syswrite $to, $ARGV[1];`,
    name,
    word,
  );
}

/** Tries to mount an empty file system with a name to be known by. */
export function mountTmpfsNamed(name: string, target: string): string[] {
  return perl(`system("mount", "-t", "tmpfs", $ARGV[0], $ARGV[1]); ${THEN_WAIT}`, name, target);
}
