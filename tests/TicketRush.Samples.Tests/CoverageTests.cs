using System.Reflection;
using System.Text.RegularExpressions;

namespace TicketRush.Samples.Tests;

/// <summary>No sample without a test and a line in the README; no section of a document without a sample, or a word on why not.</summary>
public sealed partial class CoverageTests
{
    /// <summary>The documents, by their numbers, and all their sections that have anything in them.</summary>
    private static readonly (string Document, string[] Sections)[] Documents =
    [
        ("000", ["抢票小程序", "抢票小程序(优化)", "进程锁", "优化的抢票小程序"]),
        ("001",
        [
            "1.1 特性", "1.2 缺陷", "1.3 UDP协议实时通信",
            "2.1 面向锁的套接字方法", "2.1.1 blocking设置非阻塞", "2.1.2 BlockingIOError", "2.2 面向文件的套接字的函数", "2.3 验证客户端链接的合法性",
            "3.1 进程特性", "3.2 并发和并行", "3.3 同步异步阻塞非阻塞", "3.3.1 同步异步", "3.3.2 阻塞与非阻塞", "3.3.3 小结",
            "3.4.1 multiprocess模块", "3.4.2 multiprocess方法", "3.4.3 Process参数介绍", "3.4.4 Process方法介绍", "3.4.5 Process属性介绍",
            "3.4.6 if __name__ ==‘__main__’(特殊 用法)", "3.4.7 process类形式开启进程", "3.4.8 聊天并发案例",
            "3.5 内网服务可以做验证", "3.6 socket_server 解决并发", "3.7 重点掌握", "3.7.1 面向对象开启子进程传参", "3.8 并发编程难点汇总",
            "4.1 解释", "4.2 特点", "4.3 用途", "4.4 进程对象的其他方法:terminate,is_alive", "4.5 进程对象的其他属性:pid和name",
            "5.1 multiprocess.Lock", "5.2 互斥锁的特性", "第6章 队列(multiprocess.Queue、multiprocess.Pipe",
        ]),
        ("002", ["守护进程", "进程锁", "抢票demo"]),
        ("003", ["一、抢票小程序", "二、队列", "三、生产者消费者模型", "四、JoinableQueue实现生产者消费者模型", "4.1方法介绍", "4.2 模型"]),
        ("004",
        [
            "Process mutex", "Multi process and rush to buy the remaining tickets at the same time", "Using locks to secure data", "queue",
            "Interprocess communication", "Producer and Consumer",
            "The concept of thread", "Two ways to create threads", "Method of thread object", "Thread mutex",
        ]),
    ];

    private static readonly string Folder = FindFolder();
    private static readonly string[] Readme = File.ReadAllLines(Path.Combine(Folder, "README.md"));

    [Fact]
    public async Task Every_sample_has_its_test()
    {
        var tested = typeof(CoverageTests).Assembly.GetTypes().SelectMany(type => type.GetMethods())
            .Select(method => method.GetCustomAttribute<SampleAttribute>()?.Name).OfType<string>();
        Assert.Equal((await ListAsync()).Order(), tested.Order());
    }

    [Fact]
    public async Task Every_sample_is_a_file_and_a_line_in_both_languages_in_the_order_of_the_list()
    {
        var rows = Rows(Readme.Index().First(line => line.Item.StartsWith("| sample", StringComparison.Ordinal)).Index);
        Assert.Equal(await ListAsync(), rows.Select(row => Assert.Single(Names(row[0]))));
        Assert.All(rows, row =>
        {
            Assert.Equal(4, row.Length);
            Assert.True(File.Exists(Path.Combine(Folder, Link().Match(row[0]).Groups["file"].Value)), $"{row[0]} is no file.");
            Assert.Matches("[a-z]{3}", row[1]);
            Assert.Matches(@"\p{IsCJKUnifiedIdeographs}{2}", row[2]);
        });

        // And no file without a sample.
        var files = Directory.EnumerateFiles(Path.Combine(Folder, "Lessons"), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Folder, file).Replace('\\', '/'))
            .Where(file => file.Count(letter => letter == '/') == 2 && !file.Contains("/bin/") && !file.Contains("/obj/"));
        var linked = rows.Select(row => Link().Match(row[0]).Groups["file"].Value);
        Assert.Equal(files.Order(StringComparer.Ordinal), linked.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_section_of_every_document_has_its_samples_or_a_word_on_why_not()
    {
        foreach (var (document, sections) in Documents)
        {
            var rows = SectionRows(document);
            Assert.Equal(sections, rows.Select(row => row[0]));
            Assert.All(rows, row => Assert.NotEmpty(row[1]));
        }
    }

    [Fact]
    public void Both_tables_say_the_same()
    {
        var rows = Rows(Readme.Index().First(line => line.Item.StartsWith("| sample", StringComparison.Ordinal)).Index);
        foreach (var row in rows)
        {
            var name = Assert.Single(Names(row[0]));
            var answers =
                from document in Documents.Select(one => one.Document)
                let sections = SectionRows(document).Where(section => Names(section[1]).Contains(name)).Select(section => section[0])
                where sections.Any()
                select $"{document} {string.Join("; ", sections)}";
            Assert.Equal(string.Join(" · ", answers), row[3]);
            Assert.NotEmpty(row[3]);
        }
    }

    [Fact]
    public void The_parameter_that_has_no_counterpart_is_named()
    {
        var parameters = SectionRows("001").Single(row => row[0] == "3.4.3 Process参数介绍");
        Assert.Contains("`group` has no counterpart", parameters[1], StringComparison.Ordinal);
    }

    private static async Task<IReadOnlyList<string>> ListAsync() => (await Transcript.OfAsync("--list")).Lines;

    private static string[][] SectionRows(string document) =>
        Rows(Readme.Index().SkipWhile(line => !line.Item.StartsWith($"### {document} ", StringComparison.Ordinal))
            .First(line => line.Item.StartsWith("| section", StringComparison.Ordinal)).Index);

    /// <summary>The cells of a table, of which the heading's line is given.</summary>
    private static string[][] Rows(int heading) =>
    [
        .. Readme.Skip(heading + 2)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line[2..^2].Replace(@"\_", "_", StringComparison.Ordinal).Split(" | ")),
    ];

    /// <summary>The samples that a cell links to; other files that it links to have a dot in their names.</summary>
    private static IEnumerable<string> Names(string cell) =>
        Link().Matches(cell).Select(link => link.Groups["name"].Value).Where(name => !name.Contains('.'));

    private static string FindFolder()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "TicketRush.slnx"))) directory = directory.Parent;
        return Path.Combine(directory.FullName, "samples");
    }

    [GeneratedRegex(@"\[(?<name>[^\]]+)\]\((?<file>[^)]+)\)")]
    private static partial Regex Link();
}
