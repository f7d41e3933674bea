using System.Text.Json;
using TicketRush.Cli.Race;

namespace TicketRush.Cli.Tests.Race;

public sealed class TicketFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("""{"count": 20}""", "count", 20)]
    [InlineData("""{"ticket": 3}""", "ticket", 3)]
    [InlineData("""{"ticket_num": 1}""", "ticket_num", 1)]
    [InlineData(" {\"count\":0}\n", "count", 0)]
    public void The_documents_files_are_taken_as_they_are(string text, string key, int count)
    {
        File.WriteAllText(_path, text);
        Assert.Equal((key, count, null), TicketFile.Check(_path));
        Assert.Equal(count, TicketFile.Read(_path, key));
        Assert.Equal(text, File.ReadAllText(_path));
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("{\"count\": 5", "not JSON")]
    [InlineData("[5]", "an array")]
    [InlineData("5", "a number")]
    [InlineData("{}", "it has none")]
    [InlineData("""{"left": 5}""", "\"left\"")]
    [InlineData("""{"count": 5, "ticket": 5}""", "\"count\", \"ticket\"")]
    [InlineData("""{"count": "5"}""", "is a text")]
    [InlineData("""{"count": null}""", "is null")]
    [InlineData("""{"count": -1}""", "is -1")]
    [InlineData("""{"count": 1.5}""", "is 1.5")]
    [InlineData("""{"count": 3000000000}""", "is 3000000000")]
    public void Another_file_is_refused_by_name_and_stays_as_it_is(string text, string says)
    {
        File.WriteAllText(_path, text);
        Assert.Contains(says, TicketFile.Check(_path).Wrong);
        Assert.Equal(text, File.ReadAllText(_path));
    }

    [Fact]
    public void A_file_that_is_not_there_is_refused_and_not_made()
    {
        File.Delete(_path);
        Assert.Contains("is not there", TicketFile.Check(_path).Wrong);
        Assert.False(File.Exists(_path));
    }

    [Fact]
    public void A_directory_or_a_name_that_is_none_is_refused()
    {
        Assert.Contains("cannot be read and written", TicketFile.Check(Path.GetTempPath()).Wrong);
        Assert.Contains("is not there", TicketFile.Check("").Wrong);
    }

    [Fact]
    public void What_killed_buyers_left_beside_the_file_goes_and_nothing_else()
    {
        var (left, other) = (TicketFile.Beside(_path), _path + ".mine");
        File.WriteAllText(left, "{");
        File.WriteAllText(other, "mine");
        TicketFile.Clear(_path);
        Assert.Equal((false, true, true), (File.Exists(left), File.Exists(other), File.Exists(_path)));
        File.Delete(other);
    }

    [Theory, System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)]
    public void Who_may_read_and_write_it_stays_as_it_was(UnixFileMode mode)
    {
        TicketFile.WriteInPlace(_path, "count", 2);
        File.SetUnixFileMode(_path, mode);
        TicketFile.Replace(_path, "count", 1);
        Assert.Equal((mode, 1), (File.GetUnixFileMode(_path), TicketFile.Read(_path, "count")));
    }

    [Fact]
    public void A_link_stands_for_the_file_that_it_leads_to()
    {
        var (second, first) = (_path + ".second", _path + ".first");
        File.CreateSymbolicLink(second, _path);
        File.CreateSymbolicLink(first, second);
        try
        {
            Assert.Equal(_path, TicketFile.Resolve(first));
            Assert.Equal(_path, TicketFile.Resolve(_path));
        }
        finally
        {
            File.Delete(first);
            File.Delete(second);
        }
    }

    [Fact]
    public void Half_a_file_crashes_whoever_reads_it()
    {
        // The last one is what two leave who write at once, a longer number and a shorter one.
        foreach (var half in (string[])["", "{\"cou", "{\"count\":", "{\"count\": ", "{\"count\": 9}}"])
        {
            File.WriteAllText(_path, half);
            Assert.ThrowsAny<JsonException>(() => TicketFile.Read(_path, "count"));
        }
    }

    [Fact]
    public void Both_ways_of_writing_keep_the_name_of_the_number()
    {
        TicketFile.WriteInPlace(_path, "ticket", 123_456);
        Assert.Equal("{\"ticket\": 123456}", File.ReadAllText(_path));
        TicketFile.WriteInPlace(_path, "ticket", 7);
        Assert.Equal("{\"ticket\": 7}", File.ReadAllText(_path));
        TicketFile.Replace(_path, "ticket", 6);
        Assert.Equal("{\"ticket\": 6}", File.ReadAllText(_path));
    }
}
