using System.Diagnostics;
using TicketRush.Cli.Race;

namespace TicketRush.Cli.Tests.Race;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class ScratchTests : IDisposable
{
    private readonly DirectoryInfo _place = Directory.CreateTempSubdirectory("rush-scratch-tests-");

    public void Dispose() => _place.Delete(recursive: true);

    [Fact]
    public void It_is_for_nobody_else_and_goes_when_it_is_over()
    {
        using (var scratch = new Scratch(_place.FullName))
        {
            const UnixFileMode Ours = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
            Assert.Equal(Ours, File.GetUnixFileMode(scratch.Directory));
            File.WriteAllText(Path.Combine(scratch.Directory, "db.txt"), "{");
        }

        Assert.Empty(_place.GetFileSystemInfos());
    }

    [Fact]
    public void A_killed_race_s_goes_with_the_next_race_and_nothing_else_does()
    {
        using var alive = new Scratch(_place.FullName);
        Age(alive.Directory);
        var (dead, young, other) = (Left("rush-race-dead"), Left("rush-race-young"), Left("rush-races"));
        Age(dead);
        Age(other);
        var unmarked = _place.CreateSubdirectory("rush-race-mine").FullName;
        using (new Scratch(_place.FullName))
        {
        }

        var left = _place.GetDirectories().Select(directory => directory.FullName).Order();
        Assert.Equal(((string[])[alive.Directory, young, other, unmarked]).Order(), left);
    }

    [Fact]
    public void Another_user_s_is_left_alone()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root can give a directory away.");
        var dead = Left("rush-race-dead");
        Age(dead);
        Process.Start("chown", ["1", dead]).WaitForExit();
        using var scratch = new Scratch(_place.FullName);
        Assert.True(Directory.Exists(dead));
    }

    private string Left(string name)
    {
        var directory = _place.CreateSubdirectory(name).FullName;
        File.WriteAllText(Path.Combine(directory, "in-use"), "");
        Directory.CreateDirectory(Path.Combine(directory, "journal"));
        return directory;
    }

    private static void Age(string directory) => File.SetLastWriteTimeUtc(Path.Combine(directory, "in-use"), DateTime.UtcNow.AddHours(-1));
}
