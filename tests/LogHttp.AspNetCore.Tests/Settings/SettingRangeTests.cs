using System.Globalization;
using System.Reflection;
using LogHttp.AspNetCore.Settings;

namespace LogHttp.AspNetCore.Tests.Settings;

public class SettingRangeTests
{
    /// <summary>Settings whose lower bound depends on another one, or that the storage does not have.</summary>
    static readonly string[] NotOfStorage =
    [
        nameof(LogHttpSettings.MaxBatchBytes),
        nameof(LogHttpSettings.MaxQueuedBytes),
        nameof(LogHttpSettings.MaxAppendingBytes),
        nameof(LogHttpSettings.MaxReadingBytes),
        nameof(LogHttpSettings.MaxClientReadingBytes),
        nameof(LogHttpSettings.MaxFollowingBytes),
        nameof(LogHttpSettings.MaxBodyBytes),
        nameof(LogHttpSettings.MaxWaiting),
        nameof(LogHttpSettings.MaxWait),
        nameof(LogHttpSettings.HeartbeatInterval),
        nameof(LogHttpSettings.BodyTimeout),
        nameof(LogHttpSettings.MinBodyBytesPerSecond),
        nameof(LogHttpSettings.MaxStreamPartitions),
        nameof(LogHttpSettings.MaxProduceStreamBatches),
        nameof(LogHttpSettings.ProduceStreamLinger),
        nameof(LogHttpSettings.ProduceStreamIdleTimeout),
        nameof(LogHttpSettings.MaxProduceStreamUnpackRatio),
        nameof(LogHttpSettings.SmallRegionBytes),
        nameof(LogHttpSettings.CacheMaxAge),
        nameof(LogHttpSettings.VerifyBytesPerSecond),
    ];

    static readonly Type[] Ranged = [typeof(int), typeof(long), typeof(TimeSpan)];

    public static TheoryData<string> OfStorage { get; } =
    [
        .. LogHttpSettings
            .Of(typeof(LogHttpSettings))
            .Where(property => Ranged.Contains(property.PropertyType) && !NotOfStorage.Contains(property.Name))
            .Select(property => property.Name),
    ];

    [Fact]
    public void Settings_NumbersAndDurations_HaveRangeAroundDefault()
    {
        var defaults = new LogHttpSettings();
        foreach (var property in LogHttpSettings.Of(typeof(LogHttpSettings)))
        {
            var range = property.GetCustomAttribute<SettingRangeAttribute>();
            Assert.Equal(Ranged.Contains(property.PropertyType), range is not null);
            if (range is not null)
                Assert.True(range.Allows(property.GetValue(defaults)!), property.Name);
        }
    }

    [Theory]
    [MemberData(nameof(OfStorage))]
    public void Range_OfStorageSetting_MatchesStorage(string name)
    {
        var property = typeof(LogHttpSettings).GetProperty(name)!;
        var range = property.GetCustomAttribute<SettingRangeAttribute>()!;
        var (min, max) = (NumberOf(range.Bounds.Min), NumberOf(range.Bounds.Max));
        Assert.Null(Check(min));
        Assert.Null(Check(max));
        if (range.OrZero)
            Assert.Null(Check(0));
        // A number of the property's type can't be larger than the range of SyncAllThreshold.
        if (property.PropertyType != typeof(int) || max < int.MaxValue)
            Assert.NotNull(Check(max + StepOf(property)));
        if (!range.OrZero || min > StepOf(property))
            Assert.NotNull(Check(min - StepOf(property)));

        string? Check(long number)
        {
            var settings = new LogHttpSettings();
            MemoryLimit.Apply(settings, 1L << 40);
            settings.MaxBatchBytes = 1 << 30;
            settings.MaxQueuedBytes = settings.MaxAppendingBytes = 1L << 30;
            settings.MinJournalFileBytes = 64 << 10;
            settings.MaxJournalFileBytes = 1 << 30;
            property.SetValue(
                settings,
                property.PropertyType == typeof(TimeSpan)
                    ? TimeSpan.FromTicks(number)
                    : Convert.ChangeType(number, property.PropertyType, CultureInfo.InvariantCulture)
            );
            return settings.ToStorageOptions().Check();
        }
    }

    static long NumberOf(object value) => value is TimeSpan time ? time.Ticks : (long)value;

    static long StepOf(PropertyInfo property) =>
        property.PropertyType == typeof(TimeSpan) ? TimeSpan.TicksPerSecond : 1;
}
