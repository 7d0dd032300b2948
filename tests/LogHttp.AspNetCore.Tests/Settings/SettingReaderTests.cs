using LogHttp.AspNetCore.Settings;

namespace LogHttp.AspNetCore.Tests.Settings;

public class SettingReaderTests
{
    sealed class TestSettings : LogHttpSettings
    {
        public string[] Names { get; set; } = ["default"];
    }

    static TestSettings Read(params (string Name, string? Value)[] entries)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(entries.ToDictionary(entry => entry.Name, entry => entry.Value))
            .Build();
        var settings = new TestSettings();
        SettingReader.Read(settings, configuration);
        return settings;
    }

    [Fact]
    public void Read_EveryType_SetsIt()
    {
        var settings = Read(
            ("DataDirectory", "d"),
            ("autoCreateTopics", "False"),
            ("MaxTopics", " 5 "),
            ("MaxReadingBytes", "5000000000"),
            ("Retention", "7d"),
            ("ProduceStreamLinger", "20ms"),
            ("RetentionGrace", "0")
        );
        Assert.Empty(settings.Faults);
        Assert.Equal(
            ("d", false, 5, 5_000_000_000),
            (settings.DataDirectory, settings.AutoCreateTopics, settings.MaxTopics, settings.MaxReadingBytes)
        );
        Assert.Equal(
            (TimeSpan.FromDays(7), TimeSpan.FromMilliseconds(20), TimeSpan.Zero),
            (settings.Retention, settings.ProduceStreamLinger, settings.RetentionGrace)
        );
    }

    [Theory]
    [InlineData("", null, null)]
    [InlineData("a", null, null, "a")]
    [InlineData(" a; b;;c ", null, null, "a", "b", "c")]
    [InlineData(null, "a", "b;c", "a", "b", "c")]
    public void Read_List_AcceptsTextAndArray(string? text, string? first, string? second, params string[] expected)
    {
        var settings = Read([
            .. text is null ? [] : new (string, string?)[] { ("Names", text) },
            .. first is null ? [] : new (string, string?)[] { ("Names:0", first), ("Names:1", second) },
        ]);
        Assert.Empty(settings.Faults);
        Assert.Equal(expected, settings.Names);
    }

    [Fact]
    public void Read_ListAsTextAndArray_IsFault() =>
        Assert.Equal(
            "Names is \"a\" and an array. Allowed: an array, or a text with ; between its parts",
            Assert.Single(Read(("Names", "a"), ("Names:0", "b")).Faults)
        );

    [Theory]
    [InlineData("MaxTopics", "many", "MaxTopics is \"many\". Allowed: 1 to 1000000")]
    [InlineData("MaxTopics", "", "MaxTopics is \"\". Allowed: 1 to 1000000")]
    [InlineData("MaxTopics", "0", "MaxTopics is 0. Allowed: 1 to 1000000")]
    [InlineData("MaxTopics", "99999999999", "MaxTopics is 99999999999. Allowed: 1 to 1000000")]
    [InlineData("MaxTopics:0", "5", "MaxTopics is a section. Allowed: 1 to 1000000")]
    [InlineData("AutoCreateTopics", "1", "AutoCreateTopics is \"1\". Allowed: true, false")]
    [InlineData("BodyTimeout", "30", "BodyTimeout is \"30\". Allowed: 1s to 1h")]
    [InlineData("BodyTimeout", "00:00:30", "BodyTimeout is \"00:00:30\". Allowed: 1s to 1h")]
    [InlineData("BodyTimeout", "2h", "BodyTimeout is 2h. Allowed: 1s to 1h")]
    [InlineData("Retention", "1ms", "Retention is 1ms. Allowed: 0, or 1s to 36525d")]
    [InlineData("BodyTimeoutSeconds", "0", "BodyTimeoutSeconds is \"0\". Use BodyTimeout instead. Allowed: 1s to 1h")]
    [InlineData(
        "BodyTimeoutSeconds",
        "30s",
        "BodyTimeoutSeconds is \"30s\". Use BodyTimeout instead. Allowed: 1s to 1h"
    )]
    [InlineData(
        "BodyTimeoutSeconds",
        "5000m",
        "BodyTimeoutSeconds is \"5000m\". Use BodyTimeout instead. Allowed: 1s to 1h"
    )]
    public void Read_Fault_NamesValueAndRange(string name, string value, string fault)
    {
        var settings = Read((name, value));
        Assert.Equal(fault, Assert.Single(settings.Faults));
        Assert.Equal(
            (10_000, TimeSpan.FromSeconds(30), TimeSpan.Zero),
            (settings.MaxTopics, settings.BodyTimeout, settings.Retention)
        );
    }

    [Theory]
    [InlineData("BodyTimeoutSeconds", "7", nameof(LogHttpSettings.BodyTimeout), 7_000)]
    [InlineData("ProduceStreamLingerMilliseconds", "7", nameof(LogHttpSettings.ProduceStreamLinger), 7)]
    [InlineData("RetentionMs", "2592000000", nameof(LogHttpSettings.Retention), 2_592_000_000)]
    [InlineData("RetentionMs", "0", nameof(LogHttpSettings.Retention), 0)]
    public void Read_FormerName_SetsSetting(string name, string value, string newName, long milliseconds)
    {
        var settings = Read((name, value));
        Assert.Empty(settings.Faults);
        Assert.Equal(
            TimeSpan.FromMilliseconds(milliseconds),
            typeof(LogHttpSettings).GetProperty(newName)!.GetValue(settings)
        );
    }

    [Fact]
    public void Read_BothNames_IsFaultNamingBoth() =>
        Assert.Equal(
            "BodyTimeout and BodyTimeoutSeconds are both set. They are one setting: use BodyTimeout",
            Assert.Single(Read(("BodyTimeout", "7s"), ("BodyTimeoutSeconds", "7")).Faults)
        );

    [Fact]
    public void Read_UnknownNames_ListsSupportedOnce()
    {
        var faults = Read(("MaxTopic", "5"), ("Limits:MaxTopics", "5")).Faults;
        Assert.Equal(2, faults.Count);
        Assert.Equal("Limits is not a setting", faults[0]);
        Assert.StartsWith("MaxTopic is not a setting. Supported: DataDirectory, ", faults[1], StringComparison.Ordinal);
    }
}
