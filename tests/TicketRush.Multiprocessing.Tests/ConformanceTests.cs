using System.Reflection;
using System.Text;

namespace TicketRush.Multiprocessing.Tests;

/// <summary>
/// What CPython's multiprocessing does by its own tests, case by case (1 to 73), and what a peer's death must not do (D1 to D14): each
/// has a test of ours that carries its number, and docs/MULTIPROCESSING-CASES.md says which. With TICKETRUSH_WRITE_CASES=1 that file is
/// written anew.
/// </summary>
public sealed class ConformanceTests
{
    private static readonly (string Case, string What, string Note)[] Cases =
    [
        ("1", "alive, exit code, pid and the list of children before, during and after a child's life", ""),
        ("2", "arguments by position and by name, name, key and pid arrive in the child", ""),
        ("3", "default names, also of children's children; the name can be set", "that it must be a string is the compiler's business"),
        ("4", "starting twice, joining before the start, changing a daemon, using another process's child",
            "objects of ChildProcess do not travel"),
        ("5", "a child is a daemon when its maker is one, unless told otherwise", ""),
        ("6", "a daemon may not have children", ""),
        ("7", "at the end daemons are terminated, then the others are waited for", ""),
        ("8", "a join with no time returns at once", ""),
        ("9", "exit codes of terminate and kill; joining again", ""),
        ("10", "a child that throws: the text on standard error, exit code 1", ""),
        ("11", "exit with a number, with nothing, with a message", "exit takes an int or a message, so no other object"),
        ("12", "the sentinel, alone and among others", ""),
        ("13", "close while alive, afterwards, twice; what is closed says so", ""),
        ("14", "the parent's pid, name, life and end, seen from the child", ""),
        ("15", "many children at once end, or are terminated", ""),
        ("16", "a tree of processes, depth first", ""),
        ("17", "foreground threads are waited for, and what runs at exit runs", ""),
        ("18", "descriptors are not inherited", ""),
        ("19", "closed standard streams; standard input is the null device", ""),
        ("20", "no fork bomb", ""),
        ("21", "a subclass as an actor over pipes", ""),
        ("22", "lock: acquire, try, release, release once too often", ""),
        ("23", "any process or thread may release a lock", ""),
        ("24", "recursive lock: levels, and only its owner releases", ""),
        ("25", "semaphore: its value, also above its start", ""),
        ("26", "bounded semaphore: never above its start, exactly", ""),
        ("27", "timeouts: none, some, negative", "there is no call that takes \"do not block\" and a timeout"),
        ("28", "a negative start value; use and dispose", ""),
        ("29", "signals neither end nor extend a wait", ""),
        ("30", "wait and notify need the lock", ""),
        ("31", "one notification wakes one waiter, process or thread", ""),
        ("32", "waiters that time out leave nothing behind; all are woken", ""),
        ("33", "notify some; a notification for nobody is not remembered", ""),
        ("34", "a wait's result; the lock is held again, on all its levels", ""),
        ("35", "waiting for a predicate", ""),
        ("36", "event: set, clear, wait", ""),
        ("37", "barrier: lockstep, one first, the action once per pass", ""),
        ("38", "barrier: abort, reset, both", ""),
        ("39", "a party that times out breaks the barrier for all; a barrier of one", ""),
        ("40", "a full queue, in all forms of put", ""),
        ("41", "an empty queue, in all forms of get", ""),
        ("42", "first in, first out, of each producer", ""),
        ("43", "the queue's size; no limit", "the bytes are limited: 64 MiB wait at most"),
        ("44", "an item that does not serialise leaves the queue usable", "the exception comes out of Put, so there is no hook"),
        ("45", "put and get after close", "there is no feeder thread to be joined"),
        ("46", "what a child has put before it ends is there", "Put returns when the item is in, so there is nothing to cancel"),
        ("47", "join ends with one done for each item; one too many", ""),
        ("48", "the simple queue", ""),
        ("49", "messages: objects, bytes, 16 MiB, into a buffer, into one that is too short", ""),
        ("50", "poll: at once, for a time, at the end", ""),
        ("51", "messages never merge or split; empty ones count", ""),
        ("52", "the end, and the end inside a message", ""),
        ("53", "a pipe in one direction", ""),
        ("54", "sending a part of a buffer, and its bounds", ""),
        ("55", "a parent may close its copy at once; closed says so", ""),
        ("56", "connections and descriptors travel over connections", ""),
        ("57", "waiting for several of several kinds", ""),
        ("58", "listener: address in use, client gone before accept, abstract names, close", ""),
        ("59", "keys: equal, empty, wrong, no challenge", "accept does not throw for a stranger: HandshakeFailed tells"),
        ("60", "the vectors of the handshake", ""),
        ("61", "apply, map, starmap, asynchronous forms, chunks", ""),
        ("62", "imap, ordered or not; chunk sizes; no inputs", ""),
        ("63", "inputs that fail in the middle", ""),
        ("64", "timeouts and callbacks", ""),
        ("65", "a worker's exception, and a result that does not serialise", ""),
        ("66", "workers are replaced after so many tasks", "a number of tasks is an int, so no half and no text"),
        ("67", "close, terminate, dispose, a pool of nobody", ""),
        ("68", "map waits for all before it fails; a pool that cannot start leaves nobody", ""),
        ("69", "the initialiser", "that it can be called is the compiler's business"),
        ("70", "shared values and arrays, with and without a lock", "a lock is a SharedRLock, so there is no bad one"),
        ("71", "named shared memory: name in use, attach, the owner's death, a stranger's end", ""),
        ("72", "manager: proxies, errors, connecting from elsewhere, restarting", ""),
        ("73", "nothing is left of a killed owner", "there is no janitor that could be killed"),
        ("D1", "the holder of a lock is killed", ""),
        ("D2", "a condition's waiter is killed, then all are notified", ""),
        ("D3", "an event's waiter is killed, then it is set", ""),
        ("D4", "a process that waits in get is killed", ""),
        ("D5", "a party that waits at a barrier is killed", ""),
        ("D6", "a pool's worker is killed in its task", ""),
        ("D7", "a pool's idle worker is killed", ""),
        ("D8", "a child is joined before its megabyte was read from the queue", ""),
        ("D9", "a worker dies between get and done", ""),
        ("D10", "the parent is killed", ""),
        ("D11", "empty, right after a put", ""),
        ("D12", "the wall clock is stepped during a wait", ""),
        ("D13", "what keeps track of names is killed", "there are no names to keep track of, but for named memory"),
        ("D14", "the holder is stopped, and lives", ""),
    ];

    [Fact]
    public void Every_case_has_a_test()
    {
        var tests = Tests();
        Assert.Equal("", string.Join(", ", Cases.Select(one => one.Case).Where(number => !tests.Contains(number))));
    }

    [Fact]
    public void No_test_is_of_a_case_that_is_none() =>
        Assert.Equal("", string.Join(", ", Tests().Select(test => test.Key).Except(Cases.Select(one => one.Case))));

    [Fact]
    public void The_document_names_the_tests_that_there_are()
    {
        var path = Path.Combine(Root(), "docs", "MULTIPROCESSING-CASES.md");
        var table = Table();
        if (Environment.GetEnvironmentVariable("TICKETRUSH_WRITE_CASES") == "1") File.WriteAllText(path, table);
        Assert.Equal(table, File.ReadAllText(path));
    }

    private static ILookup<string, MethodInfo> Tests() => (
        from type in typeof(ConformanceTests).Assembly.GetTypes()
        from method in type.GetMethods()
        from trait in method.GetCustomAttributes<TraitAttribute>()
        where trait.Name == "Case"
        orderby type.Name, method.MetadataToken
        select (trait.Value, method)).ToLookup(one => one.Value, one => one.method);

    private static string Table()
    {
        var tests = Tests();
        var table = new StringBuilder("""
            # The cases of TicketRush.Multiprocessing and their tests

            Cases 1 to 73 are what CPython's own tests of multiprocessing ask of it, in our words; D1 to D14 are deaths that it does not
            survive, or not well. The tests are in `tests/TicketRush.Multiprocessing.Tests`; one of them compares this table with them, and
            writes it anew when TICKETRUSH_WRITE_CASES=1.

            | case | what | tests | part that does not apply |
            | --- | --- | --- | --- |

            """);
        foreach (var (number, what, note) in Cases)
        {
            var names = tests[number].Select(test => $"`{test.DeclaringType!.Name}.{test.Name}`");
            table.Append($"| {number} | {what} | {string.Join("<br>", names)} | {note} |\n");
        }

        return table.ToString();
    }

    internal static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "TicketRush.slnx"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
